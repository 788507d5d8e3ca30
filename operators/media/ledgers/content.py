"""How much of a range of bytes is content: padding is not, and text of metadata may not be."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent

BLOCK_BYTES = 512
"""Size of a unit: a block is padding if all of its bytes are equal."""
MAX_READ_BYTES = 32 * 2**20
"""Of one file. The rest counts as content: no muxer writes that much padding."""
TEXT_RATIO = 0.98
"""Share of printable bytes from which a block is text, such as XMP."""
MAX_NAMED_EXTENTS = 1_000
"""Ranges whose format is determined: what is hidden on purpose is among the first."""
_CHUNK_BYTES = 2**20

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"moof", "mp4"),
    (4, b"mdat", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"RIFF", "riff"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"FLV\1", "flv"),
    (0, b"ID3", "mp3"),
    (0, b"\x30\x26\xb2\x75", "asf"),
    (0, b"\0\0\1\xba", "mpeg"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG", "png"),
    (0, b"GIF8", "gif"),
    (0, b"PK\3\4", "zip"),
    (0, b"Rar!", "rar"),
    (0, b"7z\xbc\xaf", "7z"),
    (0, b"%PDF", "pdf"),
)
"""Offset, bytes and name of formats of hidden content."""
FONT_SIGNATURES = (b"\0\1\0\0", b"OTTO", b"ttcf", b"true", b"wOFF", b"wOF2")


def num_content_bytes(media: MediaFile, extents: Iterable[Extent], *, is_text_content: bool = True) -> int:
    """Return the number of bytes that are not padding.

    Args:
        media: the file.
        extents: ranges of bytes.
        is_text_content: False if printable text is expected and does not count.
    """
    found, bytes_left = 0, MAX_READ_BYTES
    for start, stop in extents:
        stop = min(stop, media.size_bytes)
        if not is_text_content and stop - start < BLOCK_BYTES:
            continue  # too short to determine whether it is text
        for place in range(start, min(stop, start + bytes_left), _CHUNK_BYTES):
            chunk = media.peek(place, min(_CHUNK_BYTES, stop - place))
            found += _num_content_bytes(np.frombuffer(chunk, np.uint8), is_text_content)
        found += max(0, stop - start - bytes_left)
        bytes_left = max(0, bytes_left - max(0, stop - start))
    return found


def _num_content_bytes(chunk: npt.NDArray[np.uint8], is_text_content: bool) -> int:
    whole = len(chunk) // BLOCK_BYTES * BLOCK_BYTES
    blocks, tail = chunk[:whole].reshape(-1, BLOCK_BYTES), chunk[whole:]
    is_content = blocks.min(axis=1, initial=255) != blocks.max(axis=1, initial=0)
    if not is_text_content:
        is_printable = ((blocks >= 32) & (blocks < 127)) | (blocks == 10) | (blocks == 13) | (blocks == 9)
        is_content &= is_printable.mean(axis=1) < TEXT_RATIO
    is_tail_content = len(tail) > 0 and tail.min() != tail.max() and is_text_content
    return int(is_content.sum()) * BLOCK_BYTES + (len(tail) if is_tail_content else 0)


def kind_of_content(media: MediaFile, extents: Iterable[Extent]) -> str:
    """Return the name of the first known format that a range begins with; empty without one."""
    for start, stop in islice(extents, MAX_NAMED_EXTENTS):
        head = media.peek(start, min(64, stop - start))
        # The header of the surrounding box or element may come first.
        for shift in (0, 8, 16, 12, 5, 6, 9):
            for offset, signature, name in SIGNATURES:
                if head[shift + offset :].startswith(signature):
                    return name
    return ""


def is_font(head: bytes) -> bool:
    """Return whether bytes begin like a font."""
    return head.startswith(FONT_SIGNATURES)
