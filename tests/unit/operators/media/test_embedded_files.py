"""A media file inside the metadata of another one is named, however short it is; text, pictures and noise are not."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from operators.media.ledgers.embedded import files_in
from tests.boxes import box
from tests.container_parts import element, flv_tag, in_riff, in_segment, png_chunk, riff_chunk, segment
from tests.hostile_media import write_sound, write_still, write_video
from tests.indexed_here import indexed_here

NOISE = np.random.default_rng(12).bytes(60_000)
TEXT = b"What editors write about a film, at length. " * 500

PICTURES = {
    "mp4": "libx264", "mov": "libx264", "mkv": "libx264", "webm": "libvpx", "avi": "mpeg4", "flv": "flv",
    "ts": "libx264", "mpg": "mpeg2video", "wmv": "msmpeg4", "nut": "libx264", "mxf": "mpeg2video", "ivf": "libvpx",
    "y4m": "rawvideo", "gif": "gif",
}  # fmt: skip
SOUND = {
    "mp3": "mp3", "wav": "pcm_s16le", "flac": "flac", "ogg": "flac", "opus": "libopus", "aac": "aac",
    "aiff": "pcm_s16be", "au": "pcm_s16be", "caf": "alac", "w64": "pcm_s16le", "m4a": "aac",
}  # fmt: skip


def _clip(folder: Path, suffix: str) -> bytes:
    """Half a second."""
    path = folder / f"clip.{suffix}"
    if suffix in SOUND:
        return write_sound(path, seconds=0.5, codec=SOUND[suffix]).read_bytes()
    pixels = {"gif": "rgb8", "webm": "yuv420p"}.get(suffix, "yuv420p")
    size = {"width": 160, "height": 96}
    write_video(path, num_frames=12, codec=PICTURES[suffix], pixel_format=pixels, **size)  # type: ignore[arg-type]
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [*PICTURES, *SOUND])
def test_every_format_is_found(suffix: str, tmp_path: Path) -> None:
    """Behind text, and before it."""
    assert files_in(TEXT + _clip(tmp_path, suffix) + TEXT) != []


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        NOISE,
        b"G" * 10_000,
        b"\xff\xfb" * 10_000,
        b"RIFF and WAVE, OggS, fLaC, FLV and ftyp are letters that files begin with. " * 100,
        b"\x1a\x45\xdf\xa3 begins Matroska " * 100,
        b"GIF89a" + b"\x21\xf9\x04" + NOISE[:5_000],
        b"\xff\xd8\xff\xe0" + NOISE,
        b"\xff\xf3\xe0" * 10_000,
        b"\xff\xf1\xe0" * 40_000,
        b"\x47\x40\x00\xff" * 10_000,
    ],
)
def test_other_content_is_no_file(content: bytes) -> None:
    """Words about formats, a single picture, and plain areas of colours that look like headers of frames."""
    assert files_in(content) == []


@pytest.mark.parametrize("suffix", ["mp4", "mp3"])
@pytest.mark.parametrize("decoy", [b"ftyp" * 3_000, b"\xff" * 300_000, b"\xff\xfb" * 200_000])
def test_decoys_hide_nothing(suffix: str, decoy: bytes, tmp_path: Path) -> None:
    """Many places where a file might begin, in front of one."""
    assert files_in(decoy + _clip(tmp_path, suffix)) != []


@pytest.mark.parametrize(("name", "colour"), [("a.tiff", 0xFFF3E0), ("a.bmp", 0xE0F3FF)])
def test_a_light_background_is_no_sound(name: str, colour: int, tmp_path: Path) -> None:
    """The colour of its unpacked pixels, which looks like a header of MP3."""
    picture = Image.new("RGB", (1920, 600), tuple(colour.to_bytes(3, "big")))
    picture.paste(0, (700, 200, 900, 400))
    picture.save(tmp_path / name)
    assert indexed_here(tmp_path / name).unseen == ()


def _in_mp4(path: Path, clip: bytes) -> None:
    write_video(path, num_frames=25)
    path.write_bytes(path.read_bytes() + box(b"udta", TEXT + clip))


def _in_free_space(path: Path, clip: bytes) -> None:
    write_video(path, num_frames=25)
    path.write_bytes(path.read_bytes() + box(b"free", clip))


def _in_tags(path: Path, clip: bytes) -> None:
    write_video(path, num_frames=25)
    path.write_bytes(in_segment(path.read_bytes(), element(b"\x12\x54\xc3\x67", clip)))


def _in_chunk(path: Path, clip: bytes) -> None:
    write_sound(path, seconds=1.0)
    path.write_bytes(in_riff(path.read_bytes(), riff_chunk(b"LIST", b"INFOICMT" + clip)))


def _in_script(path: Path, clip: bytes) -> None:
    write_video(path, num_frames=25, codec="flv")
    path.write_bytes(path.read_bytes() + flv_tag(18, clip, 900))


def _in_segments(path: Path, clip: bytes) -> None:
    """In parts, as JPEG has to store what is longer than 64 KiB."""
    picture = write_still(path).read_bytes()
    parts = b"".join(segment(0xE5, clip[place : place + 5_000]) for place in range(0, len(clip), 5_000))
    path.write_bytes(picture[:2] + parts + picture[2:])


def _in_png(path: Path, clip: bytes) -> None:
    picture = write_still(path).read_bytes()
    path.write_bytes(picture[:33] + png_chunk(b"prVt", clip) + picture[33:])


def _in_profile(path: Path, clip: bytes) -> None:
    picture = write_still(path).read_bytes()
    profile = struct.pack(">I", 40) + bytes(32) + b"acsp" + bytes(88) + clip[:60_000]
    path.write_bytes(picture[:2] + segment(0xE2, b"ICC_PROFILE\0\1\1" + profile) + picture[2:])


PLACES: dict[str, Callable[[Path, bytes], None]] = {
    "a.mp4": _in_mp4,
    "b.mp4": _in_free_space,
    "a.mkv": _in_tags,
    "a.wav": _in_chunk,
    "a.flv": _in_script,
    "a.jpg": _in_segments,
    "a.png": _in_png,
    "c.jpg": _in_profile,
}


@pytest.mark.parametrize("name", PLACES)
def test_a_short_clip_in_metadata_is_named(name: str, tmp_path: Path) -> None:
    """As a file inside the file, which the default policy sends to review."""
    path, clip = tmp_path / name, _clip(tmp_path, "mp4")
    assert len(clip) < 16 * 1024
    PLACES[name](path, clip)
    assert ("attachment", "mp4") in [(track.kind, track.codec) for track in indexed_here(path).unseen]
