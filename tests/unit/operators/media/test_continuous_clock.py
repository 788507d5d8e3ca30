"""Where a container's clock starts again, and where packets are only shown in another order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import av
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from operators.media.continuous_clock import MAX_REORDERED, WRAP_SECONDS, ContinuousClock
from tests.corpus.cases import Case
from tests.decoded_here import decoded_here
from tests.hostile_media import remuxed

Changed = Callable[[Path], Path]
TS_PACKET_BYTES = 188


def in_nut(matroska: Path) -> Path:
    """The same packets in a container that states times of showing alone, too."""
    return remuxed(matroska, matroska.with_suffix(".nut"))


def as_it_is(path: Path) -> Path:
    """Nothing done to it."""
    return path


def without_decode_times(transport: Path) -> Path:
    """The transport stream's own times of decoding become stuffing, as some encoders leave them out."""
    data = bytearray(transport.read_bytes())
    for start in range(0, len(data), TS_PACKET_BYTES):
        begins, has_field = data[start + 1] & 0x40, data[start + 3] & 0x20
        header = start + 4 + (data[start + 4] + 1 if has_field else 0)
        if begins and data[header : header + 3] == b"\0\0\1" and data[header + 3] & 0xF0 == 0xE0:
            _leave_out_decode_time(data, header)
    path = transport.with_name("undated.ts")
    path.write_bytes(data)
    return path


def _leave_out_decode_time(data: bytearray, header: int) -> None:
    if data[header + 7] >> 6 == 0b11:
        data[header + 7] &= 0b1011_1111
        data[header + 9] = 0x20 | data[header + 9] & 0x0F
        data[header + 14 : header + 19] = b"\xff" * 5


WITHOUT_DECODE_TIMES = (("mkv", as_it_is), ("mkv", in_nut), ("ts", without_decode_times))


@pytest.mark.parametrize(("suffix", "changed"), WITHOUT_DECODE_TIMES)
@pytest.mark.parametrize("codec", ["h264 B", "hevc"])
@pytest.mark.parametrize("structure", ["1 a second", "slides"])
def test_a_slow_video_is_no_clock_that_starts_again(
    suffix: str, changed: Changed, codec: str, structure: str, tmp_path: Path
) -> None:
    """FFmpeg makes up times of decoding; of pictures seconds apart they fall by seconds."""
    case = Case(suffix, codec, structure, has_sound=False)
    found = decoded_here(changed(case.build(tmp_path)))
    assert found.index is not None
    assert found.index.clock_restarts == ()
    assert found.seconds == pytest.approx([time / 1000 for time in case.times_ms], abs=0.02)


@pytest.mark.parametrize(("suffix", "changed"), [("mkv", as_it_is), ("ts", as_it_is), ("ts", without_decode_times)])
@pytest.mark.parametrize("codec", ["h264 B", "hevc"])
def test_one_file_behind_another_goes_on(suffix: str, changed: Changed, codec: str, tmp_path: Path) -> None:
    """One restart, and every picture of either part at its distance from the one before it."""
    case = Case(suffix, codec, "1 a second", has_sound=False)
    path = changed(case.build(tmp_path))
    path.write_bytes(path.read_bytes() * 2)
    found = decoded_here(path)
    assert found.index is not None
    assert len(found.index.clock_restarts) == 1
    intervals = [after - before for before, after in pairwise(found.seconds)]
    at_the_joint = [interval for interval in intervals if interval != pytest.approx(1.0, abs=0.05)]
    assert len(at_the_joint) <= 1, found.seconds
    assert len(found.seconds) >= 2 * len(case.times_ms) - 1


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VideoStream]:
    """Of Matroska, in a codec that shows pictures in another order than that of decoding."""
    path = Case("mkv", "h264 B", "slides", has_sound=False).build(tmp_path_factory.mktemp("slides"))
    with av.open(str(path)) as container:
        yield container.streams.video[0]


def corrected(stream: VideoStream, times_ms: Sequence[int], keyframes: Sequence[int]) -> tuple[list[int], int]:
    """Times of showing after correction, and how often the clock started again."""
    clock, found = ContinuousClock(), []
    for number, time_ms in enumerate(times_ms):
        packet: Packet[VideoStream] = Packet(1)
        packet.stream, packet.time_base = stream, stream.time_base
        packet.pts = packet.dts = time_ms  # as FFmpeg derives it where it takes the codec for one that holds none back
        packet.is_keyframe = number in keyframes
        clock.correct(packet)
        assert packet.pts is not None
        found.append(packet.pts)
    return found, len(clock.restarts)


def reordered(times_ms: Sequence[int], depth: int) -> list[int]:
    """Each of them behind `depth` that are shown after it, as far as there are some."""
    groups = [times_ms[first : first + depth + 1] for first in range(1, len(times_ms), depth + 1)]
    return [times_ms[0], *chain.from_iterable(reversed(group) for group in groups)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=2, max_size=60), st.integers(0, MAX_REORDERED))
@example([4_000] * 40, MAX_REORDERED)
def test_no_order_that_a_codec_may_have_is_a_restart(stream: VideoStream, intervals: list[int], depth: int) -> None:
    """Whatever the distances of pictures and the depth of reordering."""
    times = [sum(intervals[:number]) for number in range(len(intervals) + 1)]
    packets = reordered(times, depth)
    assert corrected(stream, packets, [0]) == (packets, 0)


@settings(deadline=None)
@given(st.integers(3, 60), st.integers(0, MAX_REORDERED), st.integers(1_000, 30_000))
def test_a_second_part_is_one_restart(stream: VideoStream, num_pictures: int, depth: int, interval: int) -> None:
    """However short the first is, if the second begins with a keyframe."""
    packets = reordered([number * interval for number in range(num_pictures)], depth)
    found, num_restarts = corrected(stream, packets * 2, [0, num_pictures])
    assert num_restarts == 1
    assert min(found[num_pictures:]) > max(found[:num_pictures])


def test_a_second_part_in_the_middle_of_a_group(stream: VideoStream) -> None:
    """Without a keyframe it is known by more pictures shown behind it than a codec may hold back."""
    times = [number * 1_000 for number in range(60)]
    found, num_restarts = corrected(stream, [*times, *times], [0])
    assert num_restarts == 1
    assert heapq.nsmallest(120, found) == found


def test_a_leap_is_a_restart(stream: VideoStream) -> None:
    """FFmpeg puts a second part that begins before the first a whole round of the clock behind it."""
    times = [number * 1_000 for number in range(20)]
    leapt = [time + round(WRAP_SECONDS * 1000) for time in times]
    found, num_restarts = corrected(stream, [*times, *leapt], [0, 20])
    assert num_restarts == 1
    assert found[20] == pytest.approx(19_040, abs=1)
