"""What follows the end of a file, in containers whose structure is known by their packets alone."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from tests.container_parts import in_riff, png_chunk, riff_chunk
from tests.hostile_media import numbered_picture, write_sound, write_still, write_video
from tests.indexed_here import indexed_here, unseen_bytes

NOISE = np.random.default_rng(13).bytes(100_000)
SOUND = {
    "flac": "flac", "ogg": "flac", "opus": "libopus", "aac": "aac", "aiff": "pcm_s16be", "au": "pcm_s16be",
    "caf": "alac", "w64": "pcm_s16le", "mp3": "mp3", "ac3": "ac3",
}  # fmt: skip
PICTURES = {"mpg": "mpeg2video", "wmv": "msmpeg4", "nut": "libx264", "mxf": "mpeg2video", "ivf": "libvpx"}
SWALLOWED = ("aac", "ac3", "mp3", "ivf")
"""FFmpeg takes noise for packets of these, which then count as damaged."""
STILLS = {"bmp": "bmp", "tiff": "tiff"}


def _written(folder: Path, suffix: str) -> Path:
    path = folder / f"a.{suffix}"
    if suffix in SOUND:
        return write_sound(path, seconds=2.0, codec=SOUND[suffix])
    if suffix in PICTURES:
        return write_video(path, num_frames=50, codec=PICTURES[suffix])
    with av.open(str(path), "w", format="image2pipe") as container:
        stream = container.add_stream(STILLS[suffix], rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "bgr24" if suffix == "bmp" else "rgb24"
        picture = av.VideoFrame.from_ndarray(numbered_picture(0, width=320, height=180), "rgb24")
        for frame in (picture, None):
            container.mux(stream.encode(frame))
    return path


@pytest.mark.parametrize("suffix", [*SOUND, *PICTURES, *STILLS])
def test_content_behind_the_end_is_named(suffix: str, tmp_path: Path) -> None:
    """Bytes by their amount, a short film by what it is, and nothing in an ordinary file."""
    path = _written(tmp_path, suffix)
    whole, film = (
        path.read_bytes(),
        write_video(tmp_path / "film.mp4", num_frames=12, width=160, height=96).read_bytes(),
    )
    assert indexed_here(path).unseen == ()
    if suffix not in SWALLOWED:
        path.write_bytes(whole + NOISE)
        found = unseen_bytes(path)
        assert found.get("hidden", 0) + found.get("trailing", 0) > 0.7 * len(NOISE)
    path.write_bytes(whole + film)
    assert ("attachment", "mp4") in [(track.kind, track.codec) for track in indexed_here(path).unseen]


def test_a_film_in_the_metadata_of_flac_is_named(tmp_path: Path) -> None:
    """In a block that says that it is a picture."""
    whole = _written(tmp_path, "flac").read_bytes()
    film = write_video(tmp_path / "film.mp4", num_frames=12, width=160, height=96).read_bytes()
    path = tmp_path / "b.flac"
    start = 4 + 4 + 34  # behind the first block
    path.write_bytes(whole[:start] + b"\2" + len(film).to_bytes(3, "big") + film + whole[start:])
    assert ("attachment", "mp4") in [(track.kind, track.codec) for track in indexed_here(path).unseen]


def test_chunks_behind_the_streams_of_avi_are_strays(tmp_path: Path) -> None:
    """A player reads those of a stream inside its list only."""
    whole, path = write_video(tmp_path / "a.avi", num_frames=50, codec="mpeg4").read_bytes(), tmp_path / "b.avi"
    path.write_bytes(in_riff(whole, riff_chunk(b"00dc", NOISE)))
    assert unseen_bytes(path).get("hidden", 0) >= len(NOISE)


@pytest.mark.parametrize("flags", [0, 16])
def test_transparency_behind_the_picture_of_webp_is_stray(flags: int, tmp_path: Path) -> None:
    """Nor is any needed without the flag for it."""
    lossless = b"\x2f" + struct.pack("<I", 0) + NOISE[:100]
    extended = riff_chunk(b"VP8X", bytes([flags]) + bytes(3) + b"\x3f\1\0" + b"\xb3\0\0")
    behind = riff_chunk(b"VP8L", lossless) + riff_chunk(b"ALPH", NOISE)
    body = b"WEBP" + extended + behind
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    from operators.media.containers import MediaFile
    from operators.media.ledgers.riff import riff_ledger

    with path.open("rb") as file:
        ledger = riff_ledger(MediaFile(file.fileno(), path.stat().st_size, 1), 1)
    assert sum(stop - start for start, stop in ledger.strays) >= len(NOISE)


def test_data_behind_the_last_row_of_png_is_stray(tmp_path: Path) -> None:
    """A decoder stops there, whatever is packed behind it."""
    whole, path = write_still(tmp_path / "a.png").read_bytes(), tmp_path / "b.png"
    start = whole.index(b"IDAT") - 4
    rows = zlib.decompressobj()
    size = struct.unpack_from(">I", whole, start)[0]
    plain = rows.decompress(whole[start + 8 : start + 8 + size])
    assert rows.eof
    path.write_bytes(whole[:start] + png_chunk(b"IDAT", zlib.compress(plain + NOISE)) + whole[start + 12 + size :])
    assert unseen_bytes(path).get("hidden", 0) > 0.8 * len(NOISE)
    path.write_bytes(whole[: start + 12 + size] + png_chunk(b"IDAT", NOISE) + whole[start + 12 + size :])
    assert unseen_bytes(path).get("hidden", 0) > 0.8 * len(NOISE)
