"""Media files inside bytes that no stream uses, such as comments, free space and bytes after the end.

A file is found by its signature and by what has to follow it: the next box, chunk, page or frame. Still pictures are no
finds: thumbnails and covers are ordinary metadata.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.gif_blocks import GIF_PICTURE, gif_blocks
from operators.media.ledgers.ledger import Extent

MAX_SEARCH_BYTES = 32 * 2**20
"""Of one file. What is behind counts as metadata, which has a limit of its own."""
MAX_PLACES = 10_000
"""Of one signature; each place is checked in about a microsecond. More of them in one file hide something."""
MAX_FOUND = 8
MIN_FRAMES = 8
"""In succession, of formats without a header: by chance as many occur in no file."""
_MAX_FRAME_STARTS = 500_000
"""Each is checked in about a microsecond."""
_PERIODS_BYTES: Final = (3, 4, 6, 8, 12, 16)
"""Of pixels, and of the entries of tables."""
_MIN_AREA_BYTES = 24
_MIN_ROWS = 6
_MAX_BLOCKS = 20
"""Of a GIF, in which its second picture begins."""
_BOXES: Final = frozenset((b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"styp", b"sidx", b"pdin"))
_STILL_BRANDS: Final = frozenset((b"heic", b"heix", b"mif1", b"avif", b"jxl "))
_MAX_BRANDS_BYTES = 512
_OGG_CODECS: Final = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"\x80theora", b"Speex   ", b"fishead\0", b"BBCD\0")
_MP3_RATES: Final = ((11_025, 12_000, 8_000), (0, 0, 0), (22_050, 24_000, 16_000), (44_100, 48_000, 32_000))
_MP3_KILOBITS: Final = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
)
"""Of layer III: versions 2 and 2.5, then version 1."""
_PACKET_SIZES: Final = (188, 192, 204)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A media file inside other bytes."""

    format: str
    size_bytes: int
    """Up to the end of the bytes that were searched: its real end is not looked for."""


def embedded_files(media: MediaFile, extents: Iterable[Extent]) -> list[EmbeddedFile]:
    """Return media files that begin inside the ranges, at most one of a format.

    Ranges are searched as one: metadata is stored in parts of limited length.
    """
    parts, bytes_left = [], MAX_SEARCH_BYTES
    for start, stop in extents:
        if bytes_left <= 0:
            break
        part = media.peek(start, min(stop - start, bytes_left))
        parts.append(part)
        bytes_left -= len(part)
    return files_in(b"".join(parts))


def files_in(whole: bytes) -> list[EmbeddedFile]:
    """Return media files that begin in `whole`, at most one of a format."""
    return [EmbeddedFile(name, len(whole) - place) for name, place in islice(_found(whole), MAX_FOUND)]


def _found(whole: bytes) -> Iterator[tuple[str, int]]:
    for name, signature, shift, is_file in _SIGNATURES:
        starts = enumerate(place - shift for place in _places(whole, signature))
        is_found = (start for number, start in starts if number >= MAX_PLACES or (start >= 0 and is_file(whole, start)))
        place = next(is_found, None)
        if place is not None:
            yield name, place
    for name, find in _RHYTHMS:
        if (place := find(whole)) is not None:
            yield name, place


def _places(whole: bytes, signature: bytes) -> Iterator[int]:
    place = whole.find(signature)
    while place >= 0:
        yield place
        place = whole.find(signature, place + 1)


def _is_mp4(whole: bytes, start: int) -> bool:
    """Return whether a list of brands is followed by another box."""
    size = int.from_bytes(whole[start : start + 4], "big")
    is_film = 16 <= size <= _MAX_BRANDS_BYTES and size % 4 == 0 and whole[start + 8 : start + 12] not in _STILL_BRANDS
    return is_film and whole[start + size + 4 : start + size + 8] in _BOXES


def _is_movie(whole: bytes, start: int) -> bool:
    """Return whether a table of contents begins with its own header, as in QuickTime without brands."""
    return whole[start + 12 : start + 16] in (b"mvhd", b"cmov") and whole.find(b"trak", start, start + 4096) >= 0


def _is_matroska(whole: bytes, start: int) -> bool:
    head = whole[start : start + 80]
    return b"\x42\x82" in head and (b"matroska" in head or b"webm" in head)


def _is_riff(whole: bytes, start: int) -> bool:
    kind, chunk = whole[start + 8 : start + 12], whole[start + 12 : start + 16]
    if kind == b"WEBP":
        return chunk == b"VP8X" and bool(whole[start + 20 : start + 21] and whole[start + 20] & 2)
    return kind in (b"AVI ", b"WAVE") and len(chunk) == 4 and all(32 <= byte < 127 for byte in chunk)


def _is_ogg(whole: bytes, start: int) -> bool:
    """Return whether a page begins a stream of a known codec."""
    if len(whole) < start + 28 or whole[start + 4] or not whole[start + 5] & 2:
        return False
    return whole.startswith(_OGG_CODECS, start + 27 + whole[start + 26])


def _is_flac(whole: bytes, start: int) -> bool:
    return whole[start + 5 : start + 8] == b"\0\0\x22" and whole[start + 4] & 0x7F == 0


def _is_flv(whole: bytes, start: int) -> bool:
    tag = whole[start + 13 : start + 14]
    return whole[start + 5 : start + 13] == b"\0\0\0\x09\0\0\0\0" and tag in (b"\x08", b"\x09", b"\x12")


def _is_program(whole: bytes, start: int) -> bool:
    """Return whether a pack of an MPEG programme stream is followed by another start code."""
    if len(whole) < start + 18:
        return False
    is_second = whole[start + 4] & 0xC4 == 0x44
    is_first = whole[start + 4] & 0xF1 == 0x21
    behind = start + (14 + (whole[start + 13] & 7) if is_second else 12)
    is_next = whole[behind : behind + 3] == b"\0\0\1" and whole[behind + 3 : behind + 4] >= b"\xba"
    return (is_first or is_second) and is_next


def _is_iff(whole: bytes, start: int) -> bool:
    return whole[start + 8 : start + 12] in (b"AIFF", b"AIFC", b"8SVX")


def _is_au(whole: bytes, start: int) -> bool:
    if len(whole) < start + 24:
        return False
    offset, _, coding = struct.unpack_from(">III", whole, start + 4)
    return bool(24 <= offset <= 4096 and 1 <= coding <= 27)


def _is_animation(whole: bytes, start: int) -> bool:
    """Return whether a GIF has several pictures, with or without extensions that say for how long each is shown."""
    if whole[start + 4 : start + 6] not in (b"7a", b"9a") or len(whole) < start + 13:
        return False
    blocks = islice(gif_blocks(whole, start), _MAX_BLOCKS)
    return sum(kind == GIF_PICTURE for kind, _, _ in blocks) > 1


def _is_fragment(whole: bytes, start: int) -> bool:
    """Return whether a fragment of a recording begins with its own header."""
    return whole[start + 8 : start + 16] == b"\0\0\0\x10mfhd" and whole.find(b"traf", start, start + 64) >= 0


def _is_wavpack(whole: bytes, start: int) -> bool:
    return whole[start + 9 : start + 10] == b"\x04"


def _is_any(_whole: bytes, _start: int) -> bool:
    return True


_SIGNATURES: tuple[tuple[str, bytes, int, Callable[[bytes, int], bool]], ...] = (
    ("mp4", b"ftyp", 4, _is_mp4),
    ("mov", b"moov", 4, _is_movie),
    ("mp4", b"moof", 4, _is_fragment),
    ("matroska", b"\x1a\x45\xdf\xa3", 0, _is_matroska),
    ("riff", b"RIFF", 0, _is_riff),
    ("riff", b"RF64", 0, _is_riff),
    ("ogg", b"OggS", 0, _is_ogg),
    ("flac", b"fLaC", 0, _is_flac),
    ("flv", b"FLV\1", 0, _is_flv),
    ("asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", 0, _is_any),
    ("mpeg", b"\0\0\1\xba", 0, _is_program),
    ("aiff", b"FORM", 0, _is_iff),
    ("caf", b"caff\0\1\0\0desc", 0, _is_any),
    ("au", b".snd", 0, _is_au),
    ("w64", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", 0, _is_any),
    ("nut", b"nut/multimedia container\0", 0, _is_any),
    ("mxf", b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", 0, _is_any),
    ("rm", b".RMF\0\0\0\x12", 0, _is_any),
    ("amr", b"#!AMR", 0, _is_any),
    ("ivf", b"DKIF\0\0\x20\0", 0, _is_any),
    ("y4m", b"YUV4MPEG2 W", 0, _is_any),
    ("wavpack", b"wvpk", 0, _is_wavpack),
    ("gif", b"GIF8", 0, _is_animation),
)
"""Name, signature, its distance from the start of the file, and what checks the rest."""


def _transport_packets(whole: bytes) -> int | None:
    """Return where successive packets of a transport stream begin, among them one with a table of programmes."""
    found = np.frombuffer(whole, np.uint8)
    for size in _PACKET_SIZES:
        last = len(found) - size * (MIN_FRAMES - 1)
        is_start = np.ones(max(0, last), bool)
        for number in range(MIN_FRAMES):
            is_start &= found[number * size : number * size + len(is_start)] == 0x47
        for place in np.flatnonzero(is_start)[:MAX_PLACES].tolist():
            heads = (whole[place + n * size : place + n * size + 3] for n in range(MIN_FRAMES))
            if b"\x47\x40\x00" in heads and not _is_area(whole, place) and not _is_column(whole, place):
                return int(place)
    return None


_FRAME_START: Final = re.compile(
    rb"(?s)(\xff[\xe2\xe3\xf2\xf3\xfa\xfb\xf0\xf1\xf8\xf9])(?!(.)(?:\1\2){8}|(..)(?:\1\3){6}|(....)(?:\1\4){4})"
)
"""Of either format, but no plain area: that is skipped here because of its length."""


def _sound_frames(size_of: Callable[[bytes, int], int]) -> Callable[[bytes], int | None]:
    """Return a search for successive frames, whose headers state their length; 0 stands for no header."""

    def find(whole: bytes) -> int | None:
        for match in islice(_FRAME_START.finditer(whole), _MAX_FRAME_STARTS):
            start = place = match.start()
            for _ in range(MIN_FRAMES):
                size = size_of(whole, place)
                if not size or place + size > len(whole) or _is_area(whole, place):
                    break
                place += size
            else:
                return start
        return None

    return find


def _is_area(whole: bytes, place: int) -> bool:
    """Return whether equal pixels or entries of a table begin: they may look like a header of a frame."""
    first = whole[place : place + _MIN_AREA_BYTES]
    return any(whole.startswith(first, place + size) for size in _PERIODS_BYTES)


def _is_column(whole: bytes, place: int) -> bool:
    """Return whether the byte is that of a column of a table, such as the upper part of ascending numbers."""
    return any(len(set(whole[place : place + _MIN_ROWS * size : size])) == 1 for size in _PERIODS_BYTES)


def _mp3_frame_bytes(whole: bytes, place: int) -> int:
    """Return the length of a frame of MPEG layer III; 0 if none begins."""
    if len(whole) < place + 4 or whole[place] != 0xFF or whole[place + 1] & 0xE6 != 0xE2:
        return 0
    version, bits, rate_index = whole[place + 1] >> 3 & 3, whole[place + 2] >> 4, whole[place + 2] >> 2 & 3
    kilobits = _MP3_KILOBITS[version == 3][bits]
    rate = _MP3_RATES[version][rate_index] if rate_index < 3 else 0
    if not kilobits or not rate:
        return 0
    return (144_000 if version == 3 else 72_000) * kilobits // rate + (whole[place + 2] >> 1 & 1)


def _aac_frame_bytes(whole: bytes, place: int) -> int:
    """Return the length of a frame of AAC with a transport header; 0 if none begins."""
    if len(whole) < place + 7 or whole[place] != 0xFF or whole[place + 1] & 0xF6 != 0xF0:
        return 0
    size = (whole[place + 3] & 3) << 11 | whole[place + 4] << 3 | whole[place + 5] >> 5
    return size if size > 7 and whole[place + 2] >> 2 & 0xF < 13 else 0


_RHYTHMS: tuple[tuple[str, Callable[[bytes], int | None]], ...] = (
    ("mpegts", _transport_packets),
    ("mp3", _sound_frames(_mp3_frame_bytes)),
    ("aac", _sound_frames(_aac_frame_bytes)),
)
