"""Turned, mirrored and interlaced pictures, and shapes that change in the middle."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from tests.container_parts import png_chunk, segment
from tests.decoded_here import decoded_here
from tests.hostile_media import numbered_picture, write_video

MATRICES = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
MIRRORED = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]
BY_NUMBER_OF_EXIF = [*zip(range(1, 9), [
    (1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1), (0, 1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0),
    (0, -1, 1, 0),
], strict=True)]  # fmt: skip


def _with_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The display matrix of the first track of an MP4: a point at (x, y) is shown at (ax + cy, bx + dy)."""
    whole = bytearray(path.read_bytes())
    place = whole.index(b"tkhd") - 4 + 48
    a, b, c, d = (number << 16 for number in matrix)
    whole[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(whole)
    return path


def _shown(matrix: tuple[int, int, int, int], picture: np.ndarray) -> np.ndarray:
    """Point by point, as the standard says."""
    a, b, c, d = matrix
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    to_columns, to_rows = a * columns + c * rows, b * columns + d * rows
    shown = np.zeros((width, height, 3) if a == 0 else picture.shape, np.uint8)
    shown[to_rows - to_rows.min(), to_columns - to_columns.min()] = picture
    return shown


def _like(pixels: np.ndarray, expected: np.ndarray) -> float:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(expected), "rgb24")
    scaled = frame.reformat(pixels.shape[1], pixels.shape[0], "rgb24").to_ndarray()
    return float(np.abs(scaled.astype(int) - pixels).mean())


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("matrix", [*MATRICES, *MIRRORED])
def test_every_display_matrix_makes_pictures_upright(
    suffix: str, matrix: tuple[int, int, int, int], tmp_path: Path
) -> None:
    """Mirrored selfies, too: sampled pictures and the motion track are as a player shows them."""
    path = _with_matrix(write_video(tmp_path / f"turned.{suffix}", num_frames=30, options={"crf": "10"}), matrix)
    found = decoded_here(path)
    expected = _shown(matrix, numbered_picture(0, width=320, height=180))
    assert _like(found.pictures[0], expected) < 6.0
    assert found.motion is not None
    assert _like(np.repeat(found.motion.luma[0][..., np.newaxis], 3, axis=2), expected) < 45.0
    assert (found.motion.luma[0].shape[0] > found.motion.luma[0].shape[1]) == (matrix[0] == 0)


def _exif(orientation: int) -> bytes:
    """Of a camera: its maker and how it was held."""
    fields = struct.pack(">HHII", 0x010F, 2, 4, 0x41636D00) + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", 2) + fields + bytes(4)


def _photograph(path: Path, orientation: int) -> Path:
    codec, pixels = ("mjpeg", "yuvj420p") if path.suffix == ".jpg" else ("png", "rgb24")
    with av.open(str(path), "w", format="image2pipe") as container:
        stream = container.add_stream(codec, rate=25, options={"qscale": "2"} if codec == "mjpeg" else {})
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixels
        picture = av.VideoFrame.from_ndarray(numbered_picture(0, width=320, height=180), "rgb24")
        for frame in (picture, None):
            container.mux(stream.encode(frame))
    whole, notes = path.read_bytes(), _exif(orientation)
    is_jpeg = path.suffix == ".jpg"
    place, part = (2, segment(0xE1, b"Exif\0\0" + notes)) if is_jpeg else (33, png_chunk(b"eXIf", notes))
    path.write_bytes(whole[:place] + part + whole[place:])
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize(("orientation", "matrix"), BY_NUMBER_OF_EXIF)
def test_photographs_of_cameras_are_upright(
    orientation: int, matrix: tuple[int, int, int, int], suffix: str, tmp_path: Path
) -> None:
    """With EXIF, which every phone writes and PyAV has no name for."""
    found = decoded_here(_photograph(tmp_path / f"a.{suffix}", orientation))
    assert found.failure is None
    assert _like(found.pictures[0], _shown(matrix, numbered_picture(0, width=320, height=180))) < 6.0


def test_a_turned_matroska_is_upright(tmp_path: Path) -> None:
    """Its projection says how far it is turned."""
    path = write_video(tmp_path / "turned.mkv", num_frames=30, rotation_degrees=90, options={"crf": "10"})
    pixels = decoded_here(path).pictures[0]
    expected = np.rot90(numbered_picture(0, width=320, height=180))
    assert _like(pixels, expected) < 6.0


def _turned_by_codec(source: Path, path: Path, degrees: int) -> Path:
    """The same pictures, each with a message of the codec that says how it is turned."""
    with av.open(str(source)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        turner = BitStreamFilterContext(
            f"h264_metadata=display_orientation=insert:rotate={degrees}", before.streams.video[0]
        )
        for packet in before.demux(video=0):
            if packet.size:
                for turned in turner.filter(packet):
                    turned.stream = stream
                    after.mux(turned)
    return path


def test_a_phone_turned_in_mid_stream_is_upright(tmp_path: Path) -> None:
    """Pictures before and after are upright in their own shape, and the motion track goes on."""
    source = write_video(tmp_path / "first.ts", num_frames=50, options={"crf": "10", "bf": "0"})
    turned = _turned_by_codec(source, tmp_path / "second.ts", 90)
    path = tmp_path / "both.ts"
    path.write_bytes(source.read_bytes() + turned.read_bytes())
    found = decoded_here(path)
    shapes = [pixels.shape[0] > pixels.shape[1] for pixels in found.pictures]
    assert shapes == sorted(shapes) and set(shapes) == {False, True}
    assert found.receipt is not None and found.receipt.decode_errors == 0
    assert found.motion is not None and len(found.motion.luma) >= 45


def test_a_pixel_aspect_may_change_in_mid_stream(tmp_path: Path) -> None:
    """Broadcasts go from square to wide pixels: each picture has its own shape."""
    parts = [_with_aspect(tmp_path / f"{aspect.numerator}.ts", aspect) for aspect in (Fraction(1), Fraction(4, 3))]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = decoded_here(path)
    assert [round(pixels.shape[1] / pixels.shape[0], 1) for pixels in found.pictures] == [1.3, 1.3, 1.8, 1.8]
    assert found.receipt is not None and found.receipt.decode_errors == 0


def _with_aspect(path: Path, aspect: Fraction) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(numbered_picture(number, width=320, height=240), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_interlaced_pictures_have_no_combs(tmp_path: Path) -> None:
    """Of two times in one picture one is sampled: edges of what moves are whole."""
    width, height, path = 640, 480, tmp_path / "interlaced.ts"
    with av.open(str(path), "w") as container:
        options = {"flags": "+ildct+ilme", "b": "8000000"}
        stream = container.add_stream("mpeg2video", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(50):
            woven = _bar(2 * number, width, height)
            woven[1::2] = _bar(2 * number + 1, width, height)[1::2]
            frame = av.VideoFrame.from_ndarray(woven, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = decoded_here(path)
    assert len(found.pictures) == 2
    for pixels in found.pictures:
        middle = pixels[32:-32].astype(int).mean(axis=2)
        assert float(np.abs(np.diff(middle, axis=0)).mean()) < 2.0
        assert (middle.max(axis=1) > 180).all()


def _bar(number: int, width: int, height: int) -> np.ndarray:
    """One upright bar that goes 24 points in a fiftieth of a second."""
    picture = np.full((height, width, 3), 30, np.uint8)
    left = 24 * number % (width - 40)
    picture[:, left : left + 20] = 230
    return picture
