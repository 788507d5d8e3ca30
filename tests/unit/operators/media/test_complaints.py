"""Damage is what was lost, not what FFmpeg has to say about notes and parameters next to healthy pictures."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from operators.media.complaints import Complaints
from tests.decoded_here import decoded_here
from tests.hostile_media import HOSTILE_FILES, write_video

START = b"\0\0\0\1"
Change = Callable[[bytes], bytes]


def _segment(marker: int, body: bytes) -> Change:
    """An application segment in front of all others of a JPEG picture."""
    segment = bytes((0xFF, marker)) + struct.pack(">H", 2 + len(body)) + body
    return lambda picture: picture[:2] + segment + picture[2:]


NOTES: dict[str, tuple[str, str, Change]] = {
    "EXIF that is none": ("mjpeg", "yuvj420p", _segment(0xE1, b"Exif\0\0garbage")),
    "EXIF that is cut off": ("mjpeg", "yuvj420p", _segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff")),
    "a segment without length": ("mjpeg", "yuvj420p", lambda picture: picture[:2] + b"\xff\xe3\0\1" + picture[2:]),
    "a message that is cut off": ("libx264", "yuv420p", lambda unit: START + b"\x06\x05\x40abc" + unit),
    "a message about nothing": ("libx264", "yuv420p", lambda unit: START + b"\x06\x00\x02\xff\xff\x80" + unit),
    "a parameter set of nobody": ("libx264", "yuv420p", lambda unit: START + b"\x67\x42" + unit),
}


def _changed(folder: Path, codec: str, pixel_format: str, change: Change) -> Path:
    """Every packet with something next to its picture, in a container that takes them as they are."""
    suffix = "ts" if codec == "libx264" else "avi"
    plain = write_video(folder / f"plain.{suffix}", num_frames=60, codec=codec, pixel_format=pixel_format)
    path = folder / f"changed.{suffix}"
    with av.open(str(plain)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                copy = av.Packet(change(bytes(packet)))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                after.mux(copy)
    return path


@pytest.mark.parametrize("notes", NOTES.values(), ids=NOTES.keys())
def test_notes_next_to_pictures_are_no_damage(notes: tuple[str, str, Change], tmp_path: Path) -> None:
    """FFmpeg complains of each packet and gives each picture."""
    receipt = decoded_here(_changed(tmp_path, *notes)).receipt
    assert receipt is not None and receipt.video is not None
    assert (receipt.video.num_packets, receipt.video.intact_ratio, receipt.video.achieved_ratio) == (60, 1.0, 1.0)
    assert receipt.video_fault is None


@pytest.mark.parametrize("codec", ["libx264", "mjpeg", "mpeg4", "mpeg2video"])
def test_broken_pictures_are(codec: str, tmp_path: Path) -> None:
    """The second half of every packet is noise: FFmpeg conceals, and gives each picture as well."""
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    noise = bytes((number * 101 + 7) % 251 for number in range(20_000))
    path = _changed(tmp_path, codec, pixel_format, lambda unit: unit[: len(unit) // 2] + noise[: len(unit) // 2])
    found = decoded_here(path)
    if found.receipt is None or found.receipt.video is None:
        assert found.failure is not None
    else:
        assert found.receipt.video.intact_ratio < 0.5


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_pictures_that_wait_for_a_lost_keyframe_are_lost(codec: str, tmp_path: Path) -> None:
    """The codec takes their packets without a word; nothing is shown until the next keyframe."""
    options = {"x265-params": "log-level=0:keyint=30:scenecut=0"} if codec == "libx265" else {"g": "30"}
    plain = write_video(tmp_path / "plain.ts", num_frames=90, codec=codec, options={**options, "bf": "0"})
    path = tmp_path / "begins-late.ts"
    with av.open(str(plain)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for number, packet in enumerate(before.demux(video=0)):
            if packet.size and number:
                packet.stream = stream
                after.mux(packet)
    receipt = decoded_here(path).receipt
    assert receipt is not None and receipt.video is not None
    assert 60 / 89 - 0.02 <= receipt.video.intact_ratio < 0.9


def test_an_error_without_a_line_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg refuses some packets and says nothing about them, such as the last part of a packet of MPEG sound."""
    monkeypatch.setattr(Complaints, "were_made", lambda self: False)
    found = decoded_here(HOSTILE_FILES["broken sound"].build(tmp_path / "sound.mp4"))
    assert found.audio_fault is not None and found.audio_fault.cause == "media-damaged"
    receipt = decoded_here(HOSTILE_FILES["noise in the middle"].build(tmp_path / "noise.mp4")).receipt
    assert receipt is not None and receipt.video is not None
    assert receipt.video.num_damaged > 0
