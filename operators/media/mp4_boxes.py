"""The boxes of MP4 and similar containers, in order. Terms are those of ISO/IEC 14496-12."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from operators.media.containers import MediaFile

MAX_BOXES = 100_000
"""Maximum at the top level, without those of fragments: limits the cost of a crafted file."""
MAX_FRAGMENT_BOXES = 400_000
"""Maximum of those that a fragmented recording repeats: two per fragment, and some have one for each picture."""
FRAGMENT_KINDS = frozenset((b"moof", b"mdat", b"styp", b"sidx", b"prft", b"emsg"))
MAX_TABLE_BYTES = 64 * 2**20
"""Of one table of contents or fragment; the rest is not read, and refers to nothing."""

Read = Callable[[int, int], bytes]
"""Returns at most so many bytes from an offset on, fewer at the end."""

NO_BOX = b"\xff"
"""Type for bytes without a box header."""
UNREAD = b"rest"
"""Type for everything after the last box that is read."""
_HEADER_BYTES = 8
_LONG_HEADER_BYTES = 16


@dataclass(frozen=True, slots=True)
class Box:
    """Bytes `[start, stop)`, including the header."""

    kind: bytes
    start: int
    body: int
    """End of the header, which has 8 bytes, or 16 with a 64-bit size."""
    stop: int
    is_cut_off: bool = False
    """Whether its size exceeds the available bytes."""


def top_boxes(media: MediaFile) -> Iterator[Box]:
    """Yield the boxes at the top level; above the limit, the rest comes last, as `UNREAD`."""
    return limited(boxes(media.peek, 0, media.size_bytes), media.size_bytes)


def limited(found: Iterator[Box], end: int) -> Iterator[Box]:
    """Yield boxes up to the limit, then the rest up to `end` as one."""
    boxes_left, fragment_boxes_left = MAX_BOXES, MAX_FRAGMENT_BOXES
    for box in found:
        if box.kind in FRAGMENT_KINDS:
            fragment_boxes_left -= 1
        else:
            boxes_left -= 1
        if min(boxes_left, fragment_boxes_left) < 0:
            yield Box(UNREAD, box.start, box.start, end)
            return
        yield box


def boxes(read: Read, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes of `[start, end)`; if no box begins at an offset, the rest comes last, as `NO_BOX`."""
    while len(header := read(start, min(_LONG_HEADER_BYTES, end - start))) >= _HEADER_BYTES:
        size, kind = struct.unpack_from(">I4s", header)
        header_bytes = _HEADER_BYTES
        if size == 1 and len(header) == _LONG_HEADER_BYTES:
            header_bytes, size = _LONG_HEADER_BYTES, struct.unpack_from(">Q", header, _HEADER_BYTES)[0]
        size = size or end - start  # 0 stands for all the rest
        if size < header_bytes:
            yield Box(NO_BOX, start, start, end)
            return
        yield Box(kind, start, start + header_bytes, min(end, start + size), is_cut_off=start + size > end)
        if start + size >= end:
            return
        start += size


def body_of(media: MediaFile, table: Box) -> bytes:
    """Return the content of a table of contents or a fragment, up to the limit."""
    return media.peek(table.body, min(table.stop - table.body, MAX_TABLE_BYTES))


def boxes_of(body: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes inside a box whose bytes were read; offsets count from the first of them."""
    return boxes(lambda place, num_bytes: body[place : place + num_bytes], start, len(body) if end is None else end)
