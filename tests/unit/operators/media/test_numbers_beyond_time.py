"""Numbers that no media have, and lists in lists without end, are the media's fault or of no effect."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from operators.errors import InvalidMedia
from operators.media import decode_request
from operators.media.containers import MediaFile
from operators.media.continuous_clock import WRAP_SECONDS
from operators.media.ipc_messages import DecodeRequest, Failed
from operators.media.plan import PlanPolicy
from tests.container_parts import element, in_riff, in_segment
from tests.decoded_here import decoded_here
from tests.hostile_media import remuxed, write_sound, write_video
from tests.indexed_here import indexed_here

BEYOND = (OverflowError("date"), ZeroDivisionError("rate"), FloatingPointError("nan"), RecursionError("deep"))


def _cluster(time: bytes) -> bytes:
    return element(b"\x1f\x43\xb6\x75", element(b"\xe7", time) + element(b"\xa3", b"\x81\0\0\x80" + bytes(30)))


NUMBERS = {
    "a unit of time of 200 bytes": element(b"\x15\x49\xa9\x66", element(b"\x2a\xd7\xb1", b"\xff" * 200)),
    "a time of 40 bytes": _cluster(b"\xff" * 40),
    "a time of 7 bytes": _cluster(b"\xff" * 7),
    "a track number of 90 bytes": element(b"\x16\x54\xae\x6b", element(b"\xae", element(b"\xd7", b"\xff" * 90))),
}


@pytest.mark.parametrize("has_pictures", [False, True])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_matroska(name: str, has_pictures: bool, tmp_path: Path) -> None:
    """What was there is analysed as if they were not: all of the sound, in one span."""
    path = tmp_path / "a.mkv"
    if has_pictures:
        write_video(path, num_frames=50, sound_seconds=2.0)
    else:
        write_sound(path, seconds=2.0, codec="flac")
    path.write_bytes(in_segment(path.read_bytes(), NUMBERS[name]))
    found = decoded_here(path)
    assert found.failure is None
    assert len(found.speech) == pytest.approx(32_000, rel=0.05)
    assert len(found.spans) == 1
    assert not has_pictures or len(found.pictures) == 2


def test_lists_in_lists(tmp_path: Path) -> None:
    """As deep as they like."""
    path, nest = write_sound(tmp_path / "a.wav", seconds=1.0), b""
    for _ in range(5_000):
        nest = b"LIST" + struct.pack("<I", 4 + len(nest)) + b"rec " + nest
    path.write_bytes(in_riff(path.read_bytes(), nest))
    assert decoded_here(path).failure is None


@pytest.mark.parametrize("error", BEYOND, ids=lambda error: type(error).__name__)
class TestBoundary:
    """Of the decoder process."""

    def test_an_index_that_cannot_be_computed(
        self, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Is unreadable media, in words for the uploader."""

        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(decode_request, "read_index", fail)
        failure = decoded_here(write_video(tmp_path / "a.mp4", num_frames=5)).failure
        assert isinstance(failure, InvalidMedia)
        assert failure.cause == "media-unreadable"

    def test_a_plan_that_cannot_be_computed(
        self, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Likewise: no internal error that is tried again."""

        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(decode_request, "make_plan", fail)
        path = write_video(tmp_path / "a.mp4", num_frames=5)
        fd, memory_fd = os.open(path, os.O_RDONLY), os.memfd_create("decoded")
        counters_fd = os.open("/proc/self/io", os.O_RDONLY)
        media = MediaFile(fd, path.stat().st_size, 2**26)
        request = DecodeRequest(size_bytes=media.size_bytes, policy=PlanPolicy(), is_whole=True)
        try:
            answer = decode_request._last_word(media, memory_fd, request, lambda _: None, counters_fd)
        finally:
            media.close()
            for opened in (fd, memory_fd, counters_fd):
                os.close(opened)
        assert isinstance(answer, Failed)
        assert answer.cause == "media-unreadable"


@pytest.mark.parametrize(("suffix", "is_wrapped"), [("mkv", False), ("mp4", False), ("ts", True)])
def test_only_clocks_of_mpeg_streams_wrap(suffix: str, is_wrapped: bool, tmp_path: Path) -> None:
    """In others sound that begins 26.5 hours behind the pictures does so."""
    plain = write_video(tmp_path / f"plain.{suffix}", num_frames=50, sound_seconds=2.0)
    seconds = WRAP_SECONDS - 30.0
    path = remuxed(plain, tmp_path / f"late.{suffix}", audio_seconds=seconds, options={"max_interleave_delta": "0"})
    audio = indexed_here(path).audio
    assert audio is not None
    assert audio.start_seconds == pytest.approx(-30.0 if is_wrapped else seconds, abs=2.0)
