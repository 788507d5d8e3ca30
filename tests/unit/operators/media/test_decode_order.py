"""Pictures of containers that state when packets are decoded, and not when pictures are shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.decoders.decode_order import DecodeOrderTimes, read_ahead
from operators.media.plan import PlanPolicy
from tests.corpus.cases import Case
from tests.corpus.oracle import compared
from tests.decoded_here import decoded_here
from tests.hostile_media import numbered_picture, write_video

REORDERED = {
    "one": ("libx264", {"bf": "1", "b_strategy": "0"}),
    "three": ("libx264", {"bf": "3", "x264-params": "b-adapt=0:b-pyramid=none"}),
    "a pyramid": ("libx264", {"bf": "3", "x264-params": "b-adapt=0:b-pyramid=normal"}),
    "MPEG-4": ("mpeg4", {"bf": "2", "b_strategy": "0"}),
}


@pytest.mark.parametrize("name", REORDERED)
def test_every_picture_of_an_avi_is_seen_in_order(name: str, tmp_path: Path) -> None:
    """Pictures between two others are none that is lost, and each has the time at which a player shows it."""
    codec, options = REORDERED[name]
    found = decoded_here(write_video(tmp_path / "a.avi", num_frames=100, codec=codec, options=options))
    assert found.receipt is not None
    assert found.receipt.video is not None
    assert (found.receipt.video.num_discarded, found.receipt.video.intact_ratio) == (0, 1.0)
    assert found.motion is not None
    steps = [after - before for before, after in pairwise(found.motion.pts_seconds)]
    assert max(steps) - min(steps) < 0.05


def stamps(times: DecodeOrderTimes, pictures: list[tuple[int | None, int | None]]) -> list[int | None]:
    """Return the times of pictures with these guessed times and times of packets."""
    found = []
    for pts, dts in pictures:
        picture = av.VideoFrame(16, 16, "gray")
        picture.pts, picture.dts = pts, dts
        found.append(times.stamp(picture))
    return found


class TestDecodeOrderTimes:
    def test_a_number_that_is_left_out_after_the_first_packet(self) -> None:
        """Sound that begins earlier moves the other pictures on; without reordering a player goes by the guesses."""
        pictures: list[tuple[int | None, int | None]] = [(2, 0), (3, 2), (4, 3), (5, 4)]
        assert stamps(DecodeOrderTimes(is_reordered=False), pictures) == [2, 3, 4, 5]

    def test_reordering_that_the_stream_does_not_announce(self) -> None:
        """From the first time that falls on, pictures are counted; none of them is lost."""
        pictures: list[tuple[int | None, int | None]] = [(1, 1), (2, 2), (5, 3), (3, 4), (4, 5), (6, 6), (7, None)]
        found = stamps(DecodeOrderTimes(is_reordered=False), pictures)
        assert found == sorted(set(found), key=lambda stamp: stamp or 0)

    def test_reordering_that_it_announces(self) -> None:
        """Guesses between two other pictures fall; times of the packets count."""
        pictures: list[tuple[int | None, int | None]] = [(1, 1), (3, 2), (4, 3), (2, 4), (6, None)]
        assert stamps(DecodeOrderTimes(), pictures) == [1, 2, 3, 4, 5]


def test_sound_that_begins_before_pictures_of_avi_moves_none(tmp_path: Path) -> None:
    """Each sampled picture is that of a plain decode at its time."""
    assert compared(Case("avi", "h264", "25 a second"), tmp_path).faults == []


def test_sampled_pictures_of_a_long_avi_are_those_of_their_times(tmp_path: Path) -> None:
    """Seeks begin the count again."""
    options = {"bf": "3", "g": "25", "x264-params": "b-adapt=0"}
    path = write_video(tmp_path / "a.avi", num_frames=2_000, options=options)
    found = decoded_here(path, PlanPolicy(full_decode_max_packets=100, full_decode_max_seconds=4.0))
    assert found.plan is not None
    assert found.plan.video is not None
    assert found.plan.video.spans[0].kind != "full"
    assert found.receipt is not None
    assert found.receipt.video is not None
    assert found.receipt.video.num_discarded == 0
    for seconds, picture in zip(found.seconds, found.pictures, strict=True):
        near = [numbered_picture(max(0, round(seconds * 25) + shift), width=320, height=180) for shift in range(-4, 5)]
        assert min(_difference(picture, each) for each in near) < 8.0


def _difference(found: np.ndarray, wanted: np.ndarray) -> float:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wanted), "rgb24")
    scaled = frame.reformat(found.shape[1], found.shape[0], "rgb24").to_ndarray()
    return float(np.abs(scaled.astype(int) - found).mean())


@pytest.mark.parametrize(("max_pixels", "is_unordered"), [(1_000_000, True), (320 * 100, False)])
def test_looking_ahead_keeps_to_the_limit_of_pixels(max_pixels: int, is_unordered: bool, tmp_path: Path) -> None:
    """The codec that looks at the first packets allocates no larger picture than the one that decodes all."""
    options = {"bf": "2", "b_strategy": "0"}
    path = write_video(tmp_path / "a.mp4", num_frames=30, codec="mpeg4", options=options)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert read_ahead(_in_order_of_decoding(container.demux(stream)), stream, max_pixels)[1] is is_unordered


def _in_order_of_decoding(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """The same packets with ascending times, as after a copy out of AVI."""
    for number, packet in enumerate(packets):
        packet.pts = packet.dts = number
        yield packet


def test_looking_ahead_reads_no_more_than_a_pattern(tmp_path: Path) -> None:
    """Of codecs whose pictures follow one: each packet of it is decoded twice."""
    path = write_video(tmp_path / "a.mpg", num_frames=40, codec="mpeg2video", options={"bf": "0"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        ahead, is_unordered = read_ahead(_in_order_of_decoding(container.demux(stream)), stream, 1_000_000)
    assert (len(ahead) <= 12, is_unordered) == (True, False)
