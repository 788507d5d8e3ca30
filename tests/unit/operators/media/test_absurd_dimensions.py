"""A stream that announces pictures as large as no screen is refused, or decoded as what it is, within the limits."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from operators.errors import InvalidMedia
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from tests.container_parts import png_chunk
from tests.hostile_media import write_video
from tests.opened_files import LocalFiles

SIDE = 60_000


def _patched(path: Path, place: Callable[[bytes], int], sides: bytes) -> Path:
    whole = bytearray(path.read_bytes())
    start = place(bytes(whole))
    whole[start : start + len(sides)] = sides
    path.write_bytes(whole)
    return path


def png(folder: Path) -> Path:
    """In its header, whose checksum holds."""
    path = write_video(folder / "a.png", num_frames=1, codec="png", pixel_format="rgb24")
    whole = path.read_bytes()
    start = whole.index(b"IHDR")
    header = struct.pack(">II", SIDE, SIDE) + whole[start + 12 : start + 17]
    path.write_bytes(whole[: start - 4] + png_chunk(b"IHDR", header) + whole[start + 21 :])
    return path


def jpeg(folder: Path) -> Path:
    """In the header of the frame."""
    path = write_video(folder / "a.jpg", num_frames=1, codec="mjpeg", pixel_format="yuvj420p")
    return _patched(path, lambda whole: whole.index(b"\xff\xc0") + 5, struct.pack(">HH", SIDE, SIDE))


def gif(folder: Path) -> Path:
    """In the size of the screen."""
    path = write_video(folder / "a.gif", num_frames=5, codec="gif", pixel_format="rgb8")
    return _patched(path, lambda _: 6, struct.pack("<HH", SIDE, SIDE))


def raw_avi(folder: Path) -> Path:
    """Pictures without a codec: the container alone says how large they are."""
    path = write_video(folder / "a.avi", num_frames=5, codec="rawvideo", pixel_format="yuv420p")
    return _patched(path, lambda whole: whole.index(b"strf") + 12, struct.pack("<ii", SIDE, SIDE))


def ffv1(folder: Path) -> Path:
    """A codec that takes the container's word."""
    path = write_video(folder / "a.mkv", num_frames=5, codec="ffv1", width=1024, height=512)
    whole = path.read_bytes()
    sides = b"\xb0\x82\x04\x00\xba\x82\x02\x00"
    assert sides in whole
    path.write_bytes(whole.replace(sides, b"\xb0\x82\xea\x60\xba\x82\xea\x60"))
    return path


def frame_in_the_middle(folder: Path) -> Path:
    """Motion JPEG: one frame among ordinary ones."""
    path = write_video(folder / "a.avi", num_frames=25, codec="mjpeg", pixel_format="yuvj420p")
    whole = bytearray(path.read_bytes())
    start = -1
    for _ in range(10):
        start = whole.index(b"\xff\xc0", start + 1)
    whole[start + 5 : start + 9] = struct.pack(">HH", SIDE, SIDE)
    path.write_bytes(whole)
    return path


def mp4(folder: Path) -> Path:
    """In the table, of a codec that says better."""
    path = write_video(folder / "a.mp4", num_frames=25)
    whole = path.read_bytes()
    start = whole.index(b"avc1", whole.index(b"stsd")) + 4 + 24
    return _patched(path, lambda _: start, struct.pack(">HH", SIDE, SIDE))


REFUSED = (png, jpeg, gif, raw_avi, ffv1)
DECODED = ((frame_in_the_middle, 1), (mp4, 0))
"""With how many packets of 25 are damaged."""


@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
async def test_it_is_refused(build: Callable[[Path], Path], tmp_path: Path, pool: DecoderPool) -> None:
    """By its size, in words that name it, and the process lives on."""
    before, path = pool.process_ids, build(tmp_path)
    async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
        with pytest.raises(InvalidMedia) as caught:
            await session.receipt()
    assert caught.value.cause == "media-too-many-pixels", caught.value.message
    assert "60000x60000" in caught.value.message
    assert pool.process_ids == before


@pytest.mark.parametrize(("build", "num_damaged"), DECODED, ids=lambda found: getattr(found, "__name__", None))
async def test_it_is_decoded_as_what_it_is(
    build: Callable[[Path], Path], num_damaged: int, tmp_path: Path, pool: DecoderPool
) -> None:
    """Where the codec knows better, or all others are of a size that may be."""
    before, path = pool.process_ids, build(tmp_path)
    async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
        seen = (await session.receipt()).video
    assert seen is not None and (seen.num_packets, seen.num_damaged) == (25, num_damaged)
    assert pool.process_ids == before
