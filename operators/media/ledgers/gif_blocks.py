"""The blocks of a GIF file, in order. Terms are those of GIF89a."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operators.media.ledgers.ledger import Extent

GIF_PICTURE: Final = 0x2C
GIF_EXTENSION: Final = 0x21
GIF_END: Final = 0x3B
MAX_SUBBLOCKS: Final = 1_000_000
"""Of one file, usually of 255 bytes each; with the last one, the block that contains it ends."""
_HEADER_BYTES = 13
_PICTURE_HEADER_BYTES = 11
"""With the size of codes."""


def gif_blocks(whole: bytes, start: int = 0) -> Iterator[tuple[int, int, Extent]]:
    """Yield kind, label (of extensions, otherwise 0) and bytes of each block, up to the end or an unknown block.

    Args:
        whole: contains the file, at least its header.
        start: where it begins.
    """
    place, num_left = start + _HEADER_BYTES + _table_bytes(whole[start + 10]), MAX_SUBBLOCKS
    while place < len(whole) and num_left > 0:
        begin, kind, label = place, whole[place], 0
        if kind == GIF_PICTURE and place + 10 < len(whole):
            place += _PICTURE_HEADER_BYTES + _table_bytes(whole[place + 9])
        elif kind == GIF_EXTENSION and place + 2 < len(whole):
            label, place = whole[place + 1], place + 2
        else:
            if kind == GIF_END:
                yield kind, 0, (place, place + 1)
            return
        place, num_left = _behind_subblocks(whole, place, num_left)
        yield kind, label, (begin, place)


def joined_subblocks(whole: bytes, start: int, stop: int) -> bytes:
    """Return the content of the subblocks of an extension, without their lengths."""
    parts = []
    while start < stop and whole[start]:
        parts.append(whole[start + 1 : start + 1 + whole[start]])
        start += 1 + whole[start]
    return b"".join(parts)


def _behind_subblocks(whole: bytes, place: int, num_left: int) -> tuple[int, int]:
    while num_left > 0 and place < len(whole) and whole[place]:
        place += 1 + whole[place]
        num_left -= 1
    return min(len(whole), place + 1), num_left


def _table_bytes(flags: int) -> int:
    """Return the size of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
