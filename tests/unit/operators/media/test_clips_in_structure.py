"""A short media file in what a container needs (tables, indexes, guides) or where readers skip bytes is named.

Fewer bytes than the default policy asks a person about, so that only the search for files can tell.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from operators.media.containers import MediaFile
from operators.media.ledgers.embedded import files_in
from operators.media.ledgers.sections import DistinctContent
from operators.media.ledgers.stills import gif_ledger
from operators.media.ledgers.unread_payload import UnreadPayload
from tests.boxes import box
from tests.container_parts import element, in_riff, in_segment, packets, png_chunk, riff_chunk, section, segment
from tests.hostile_media import remuxed, write_sound, write_still, write_video
from tests.indexed_here import indexed_here

SMALL = {"width": 160, "height": 96}
GIF_CONTROL = re.compile(rb"(?s)\x21\xf9\x04.{4}\0")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Of a second, by kind; none has 64 KiB."""
    folder = tmp_path_factory.mktemp("clips")
    whole = write_video(folder / "a.mp4", num_frames=25, index_first=False, **SMALL)
    options = {"movflags": "frag_keyframe+empty_moov"}
    picture = write_video(folder / "a.gif", num_frames=4, codec="gif", pixel_format="rgb8", width=64, height=48)
    return {
        "mp4": whole.read_bytes(),
        "fragments": remuxed(whole, folder / "b.mp4", options=options).read_bytes(),
        "webm": write_video(folder / "a.webm", num_frames=10, codec="libvpx", **SMALL).read_bytes(),
        "ts": write_video(folder / "a.ts", num_frames=10, **SMALL).read_bytes(),
        "mp3": write_sound(folder / "a.mp3", seconds=0.5, codec="mp3").read_bytes(),
        "gif": GIF_CONTROL.sub(b"", picture.read_bytes()),
    }


@pytest.fixture(scope="module")
def carriers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Ordinary files, by suffix."""
    folder = tmp_path_factory.mktemp("carriers")
    found = {
        "mp4": write_video(folder / "a.mp4", num_frames=50, **SMALL),
        "mkv": write_video(folder / "a.mkv", num_frames=50, **SMALL),
        "avi": write_video(folder / "a.avi", num_frames=50, codec="mpeg4", **SMALL),
        "ts": write_video(folder / "a.ts", num_frames=50, **SMALL),
        "mpg": write_video(folder / "a.mpg", num_frames=50, codec="mpeg2video", **SMALL),
        "png": write_still(folder / "a.png"),
        "jpg": write_still(folder / "a.jpg"),
        "gif": write_video(folder / "b.gif", num_frames=4, codec="gif", pixel_format="rgb8", **SMALL),
        "mp3": write_sound(folder / "a.mp3", seconds=2.0, codec="mp3"),
    }
    return {suffix: path.read_bytes() for suffix, path in found.items()}


def _id3(clip: bytes) -> bytes:
    """A tag with one private frame."""
    frame = b"PRIV" + struct.pack(">IH", len(clip) + 2, 0) + b"a\0" + clip
    size = len(frame)
    return b"ID3\3\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame


def _in_extension(label: int) -> Callable[[bytes, bytes], bytes]:
    def put(whole: bytes, clip: bytes) -> bytes:
        blocks = b"".join(bytes([len(part)]) + part for part in _parts(clip, 255))
        return whole[:-1] + bytes([0x21, label]) + blocks + b"\0;"

    return put


def _parts(clip: bytes, size: int) -> Iterator[bytes]:
    return (clip[place : place + size] for place in range(0, len(clip), size))


def _in_png(kind: bytes) -> Callable[[bytes, bytes], bytes]:
    return lambda whole, clip: whole[:-12] + png_chunk(kind, clip) + whole[-12:]


def _in_sections(whole: bytes, clip: bytes) -> bytes:
    """Of a private table, with lengths and checksums that hold."""
    return whole + b"".join(packets(0x300, b"\0" + section(0x80, part), begins=True) for part in _parts(clip, 4_000))


PLACES: dict[str, tuple[str, Callable[[bytes, bytes], bytes]]] = {
    "a second mdat": ("mp4", lambda whole, clip: whole + box(b"mdat", clip)),
    "an index of fragments": ("mp4", lambda whole, clip: whole + box(b"sidx", clip)),
    "cues": ("mkv", lambda whole, clip: in_segment(whole, element(b"\x1c\x53\xbb\x6b", clip))),
    "chapters": ("mkv", lambda whole, clip: in_segment(whole, element(b"\x10\x43\xa7\x70", clip))),
    "attachments": ("mkv", lambda whole, clip: in_segment(whole, element(b"\x19\x41\xa4\x69", clip))),
    "an element of no kind": ("mkv", lambda whole, clip: in_segment(whole, element(b"\x42\x99", clip))),
    "idx1": ("avi", lambda whole, clip: in_riff(whole, riff_chunk(b"idx1", clip))),
    "indx": ("avi", lambda whole, clip: in_riff(whole, riff_chunk(b"indx", clip))),
    "PLTE": ("png", _in_png(b"PLTE")),
    "tRNS": ("png", _in_png(b"tRNS")),
    "behind the rows": ("png", _in_png(b"IDAT")),
    "a comment": ("gif", _in_extension(0xFE)),
    "a control extension": ("gif", _in_extension(0xF9)),
    "an extension of no kind": ("gif", _in_extension(0x77)),
    "ID3": ("mp3", lambda whole, clip: _id3(clip) + whole),
    "the programme guide": ("ts", lambda whole, clip: whole + packets(0x12, clip, begins=True)),
    "sections": ("ts", _in_sections),
    "null packets": ("ts", lambda whole, clip: whole + packets(0x1FFF, clip)),
    "a unit of the pictures that is none": ("ts", lambda whole, clip: whole + packets(0x100, clip, begins=True)),
}


@pytest.mark.parametrize("kind", ["mp4", "fragments", "webm", "ts", "mp3", "gif"])
@pytest.mark.parametrize("place", PLACES)
def test_a_short_clip_is_named(
    place: str, kind: str, carriers: dict[str, bytes], clips: dict[str, bytes], tmp_path: Path
) -> None:
    """As a file inside the file, which the default policy sends to review."""
    suffix, put = PLACES[place]
    path, clip = tmp_path / f"a.{suffix}", clips[kind]
    assert len(clip) < 64 * 1024
    path.write_bytes(put(carriers[suffix], clip))
    assert "attachment" in [track.kind for track in indexed_here(path).unseen]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "mpg", "png", "jpg", "gif", "mp3"])
def test_ordinary_files_hold_none(suffix: str, carriers: dict[str, bytes], tmp_path: Path) -> None:
    """The carriers themselves."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(carriers[suffix])
    assert indexed_here(path).unseen == ()


def test_a_picture_that_another_reader_takes_for_sound(
    carriers: dict[str, bytes], clips: dict[str, bytes], tmp_path: Path
) -> None:
    """FFmpeg hears the frames of MP3 in a table; a browser shows the picture."""
    path, whole = tmp_path / "a.jpg", carriers["jpg"]
    path.write_bytes(whole[:2] + segment(0xC4, clips["mp3"] * 2) + whole[2:])
    assert "attachment" in [track.kind for track in indexed_here(path).unseen]


def test_columns_of_tables_are_no_transport_stream() -> None:
    """Positions of a long film have equal upper bytes for thousands of entries."""
    chance = np.random.default_rng(3)
    for entry in (">u4", ">u8"):
        positions = 0x47000000 + np.cumsum(chance.integers(100, 700, 200_000))
        assert files_in(positions.astype(entry).tobytes()) == []


def test_rows_of_tables_are_no_sound() -> None:
    """Equal entries whose bytes look like headers of MP3, at the distance of its frames."""
    assert files_in(struct.pack(">Ii", 1, -1132) * 5_000) == []


def test_an_unknown_block_of_gif_hides_the_rest(clips: dict[str, bytes], tmp_path: Path) -> None:
    """FFmpeg stops there."""
    path = tmp_path / "a.gif"
    path.write_bytes(clips["gif"][:-1] + b"\x99" + b"content" * 100)
    with path.open("rb") as file:
        ledger = gif_ledger(MediaFile(file.fileno(), path.stat().st_size, 10**6))
    assert [stop - start for start, stop in ledger.strays] == [701]


def test_padding_of_a_stream_is_no_content() -> None:
    """A unit of padding is skipped, too; its bytes are all alike."""
    body = b"\0\0\1\xbe\0\xb2" + b"\xff" * 178
    rows = np.frombuffer(packets(0x100, body, begins=True), np.uint8).reshape(-1, 188)
    unread, content = UnreadPayload(), DistinctContent()
    unread.add(rows, content)
    assert (unread.num_bytes, bytes(content.whole)) == (0, b"")
