"""The boxes of MP4 and its kin, one behind the other. Terms are those of ISO/IEC 14496-12."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from operators.media.containers import MediaFile

MAX_BOXES = 100_000
"""Read at most at the top level: a fragmented recording has two a fragment, and a crafted file must not cost more."""

Read = Callable[[int, int], bytes]
"""Gives at most so many bytes from a place on, fewer at the end."""

NO_BOX = b"\xff"
"""Kind of what has no header of a box."""
_HEADER_BYTES = 8
_LONG_HEADER_BYTES = 16


@dataclass(frozen=True, slots=True)
class Box:
    """Bytes `[start, stop)`, header included."""

    kind: bytes
    start: int
    body: int
    """Where the header ends, which has 8 bytes, or 16 with a 64-bit size."""
    stop: int
    is_cut_off: bool = False
    """Whether its size is more than there is room for."""


def top_boxes(media: MediaFile) -> Iterator[Box]:
    """Those that lie in no other, the first `MAX_BOXES`."""
    return islice(boxes(media.peek, 0, media.size_bytes), MAX_BOXES)


def boxes(read: Read, start: int, end: int) -> Iterator[Box]:
    """Boxes of `[start, end)`; where no box begins, all that is left comes last, as `NO_BOX`."""
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
