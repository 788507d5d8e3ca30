"""Lengths that headers state or FFmpeg guesses: long ones blame no healthy file, short ones hide nothing."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import operators.media.packet_scan
from tests.corpus.cases import Case
from tests.corpus.coded import coded_picture, write_coded
from tests.coverage_rules import coverage_rule_acts
from tests.decoded_here import DecodedHere, decoded_here
from tests.hostile_media import remuxed


def _is_for_a_person(found: DecodedHere) -> bool:
    assert found.receipt is not None
    shares = found.receipt
    return coverage_rule_acts("visual.", shares.video) or coverage_rule_acts("audio.", shares.audio)


def _elementary_sound(path: Path, codec: str, options: dict[str, str]) -> Path:
    """Six seconds of silence, for which codecs need next to no bytes, and nine of noise."""
    silence, noise = np.zeros(6 * 48_000), 0.2 * np.random.default_rng(1).standard_normal(9 * 48_000)
    samples = np.concatenate([silence, noise]).astype(np.float32)
    with av.open(str(path), "w", container_options=options) as container:
        stream = container.add_stream(codec, rate=48_000)
        stream.layout = "mono"
        for start in range(0, len(samples), 1152):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis, start : start + 1152], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("suffix", "codec"), [("aac", "aac"), ("ac3", "ac3"), ("mp3", "libmp3lame")])
def test_sound_of_which_no_header_tells_the_length(suffix: str, codec: str, tmp_path: Path) -> None:
    """It is as long as its packets are, whatever its first ones make FFmpeg guess, and all of it is heard."""
    options = {"write_xing": "0"} if suffix == "mp3" else {}
    found = decoded_here(_elementary_sound(tmp_path / f"sound.{suffix}", codec, options))
    assert found.index is not None and found.index.audio is not None and found.receipt is not None
    assert found.index.audio.duration_seconds == pytest.approx(15.0, abs=0.2)
    assert found.receipt.audio_seconds == pytest.approx(15.0, abs=0.2)
    assert not _is_for_a_person(found)


def test_mp3_that_is_cut_off_is_for_a_person(tmp_path: Path) -> None:
    """Its header states a length that it does not have."""
    path = _elementary_sound(tmp_path / "sound.mp3", "libmp3lame", {})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert _is_for_a_person(decoded_here(path))


def test_the_last_picture_of_an_mp4_may_stand_for_long(tmp_path: Path) -> None:
    """A screen recording at whose end nothing moves is healthy; without its second half it is not."""
    plain, path = tmp_path / "plain.mp4", tmp_path / "still.mp4"
    _write(plain, [number * 40 for number in range(60)])
    with av.open(str(plain)) as before, av.open(str(path), "w", container_options={"movflags": "faststart"}) as after:
        stream = before.streams.video[0]
        copied = after.add_stream_from_template(stream)
        packets = [packet for packet in before.demux(stream) if packet.size]
        packets[-1].duration = round(20 / stream.time_base)
        for packet in packets:
            packet.stream = copied
            after.mux(packet)
    found = decoded_here(path)
    assert found.index is not None and found.index.video is not None
    assert found.index.video.duration_seconds == pytest.approx(22.4, abs=0.1)
    assert not _is_for_a_person(found)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert _is_for_a_person(decoded_here(path))


def test_the_last_picture_of_a_gif_may_stand_for_long(tmp_path: Path) -> None:
    """Animations rest on their last picture before they begin again."""
    path = tmp_path / "rests.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=100)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "rgb8"
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(coded_picture(number, 160, 96), "rgb24").reformat(format="rgb8")
            frame.pts, frame.time_base = number * 10, Fraction(1, 100)
            for packet in stream.encode(frame):
                packet.duration = 500 if number == 5 else 10
                container.mux(packet)
    found = decoded_here(path)
    assert found.index is not None and found.index.video is not None
    assert found.index.video.duration_seconds == pytest.approx(5.5)
    assert not _is_for_a_person(found)


def _understated(folder: Path) -> Path:
    """Forty seconds of Matroska whose header and tags say two."""
    plain, path = folder / "plain.mkv", folder / "understated.mkv"
    _write(plain, [number * 100 for number in range(400)], sound_seconds=40.0)
    whole = plain.read_bytes()
    start = whole.index(b"\x44\x89\x88") + 3
    whole = whole[:start] + struct.pack(">d", 2000.0) + whole[start + 8 :]
    path.write_bytes(re.sub(rb"00:00:\d\d\.\d{9}", b"00:00:02.000000000", whole))
    return path


def test_sound_behind_its_stated_end_is_heard(tmp_path: Path) -> None:
    """A header is easily written; the sound behind it plays all the same."""
    found = decoded_here(_understated(tmp_path))
    assert found.receipt is not None
    assert found.receipt.audio_seconds == pytest.approx(40.0, abs=0.2)


def test_pictures_behind_their_stated_end_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a file that is too long to be read through."""
    monkeypatch.setattr(operators.media.packet_scan, "MAX_SCAN_PACKETS", 100)
    found = decoded_here(_understated(tmp_path))
    assert found.index is not None and found.index.video is not None
    assert found.index.video.duration_seconds == pytest.approx(40.0, abs=0.2)
    assert max(found.seconds) > 35.0


@pytest.mark.parametrize(("seconds", "sound_seconds"), [(0.04, 16.0), (16.0, 3.0)])
def test_a_stream_of_matroska_may_be_shorter_than_the_file(
    seconds: float, sound_seconds: float, tmp_path: Path
) -> None:
    """Its tag reports it, whatever FFmpeg makes of a stream that it has not met while it probed."""
    path = tmp_path / "short.mkv"
    _write(path, [number * 40 for number in range(round(seconds * 25))], sound_seconds)
    assert not _is_for_a_person(decoded_here(path))


def test_pictures_without_times(tmp_path: Path) -> None:
    """A raw stream is looked at like any other, and damage in it is counted."""
    path = tmp_path / "raw.h264"
    _write(path, [number * 40 for number in range(100)])
    found = decoded_here(path)
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.num_packets == 100
    assert not _is_for_a_person(found)
    whole = bytearray(path.read_bytes())
    for place in range(200, len(whole), 40):
        whole[place] ^= 0x55
    path.write_bytes(whole)
    assert _is_for_a_person(decoded_here(path))


def _write(path: Path, times_ms: list[int], sound_seconds: float = 0.0) -> None:
    write_coded(
        path,
        times_ms=times_ms,
        codec="libx264",
        options={"preset": "ultrafast", "g": "25"},
        size=(160, 96),
        sound_codec="flac" if sound_seconds else None,
        sound_seconds=sound_seconds,
        flags={},
        is_even=False,
    )


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "h264 B"), ("webm", "vp9"), ("flv", "h264")])
@pytest.mark.parametrize("origin_seconds", [3.0, 100.0])
def test_a_recording_whose_clock_begins_late(suffix: str, codec: str, origin_seconds: float, tmp_path: Path) -> None:
    """Its header states when it ends on that clock: it is no longer than it is, and goes to nobody."""
    plain = Case(suffix, codec, "25 a second").build(tmp_path)
    late, exact = tmp_path / f"late.{suffix}", {"avoid_negative_ts": "disabled"}
    remuxed(plain, late, video_seconds=origin_seconds, audio_seconds=origin_seconds, options=exact)
    found = decoded_here(late)
    assert found.index is not None and found.index.duration_seconds == pytest.approx(4.8, abs=0.1)
    assert not _is_for_a_person(found)


def test_a_recording_whose_clock_begins_late_that_is_cut_off(tmp_path: Path) -> None:
    """Its header still states when the whole of it ends."""
    plain, late = Case("mkv", "h264 B", "25 a second").build(tmp_path), tmp_path / "late.mkv"
    remuxed(plain, late, video_seconds=100.0, audio_seconds=100.0, options={"avoid_negative_ts": "disabled"})
    late.write_bytes(late.read_bytes()[: late.stat().st_size // 2])
    assert _is_for_a_person(decoded_here(late))
