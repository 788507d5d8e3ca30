"""Edits of MP4 that FFmpeg does not follow as players do. Decoder process only.

It leaves rates out: of twenty seconds that an edit shows at double speed it gives the first ten, and hides the rest. As
players differ, such a file is looked at without its edits: then all that any player shows is seen. Of several parts it
makes a list that is not in order, in which it then seeks in vain.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent
from operators.media.mp4_boxes import boxes, top_boxes

MAX_INNER_BOXES = 10_000
MAX_EDITS = 10_000
_NORMAL_RATE = 1 << 16
_FIRST_KINDS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def take_edits(media: MediaFile) -> None:
    """Tell the file how it has to be opened, before it is opened."""
    lists = [list(_rates(media, extent)) for extent in _lists(media)]
    media.ignores_edits = any(rate != _NORMAL_RATE for rates in lists for rate in rates)
    media.has_parts = any(len(rates) > 1 for rates in lists)


def _lists(media: MediaFile) -> list[Extent]:
    if media.peek(4, 4) not in _FIRST_KINDS:
        return []
    films = [(box.body, box.stop) for box in top_boxes(media) if box.kind == b"moov"]
    return [extent for film in films for extent in _inner(media, film, (b"trak", b"edts", b"elst"))]


def _inner(media: MediaFile, extent: Extent, path: tuple[bytes, ...]) -> Iterator[Extent]:
    """Bodies of the boxes at a path below a box."""
    for box in islice(boxes(media.peek, *extent), MAX_INNER_BOXES):
        if box.kind == path[0]:
            body = (box.body, box.stop)
            yield from _inner(media, body, path[1:]) if path[1:] else (body,)


def _rates(media: MediaFile, extent: Extent) -> Iterator[int]:
    """Of a list's edits that show something, as 16.16 fixed-point numbers."""
    start, stop = extent
    body = media.peek(start, min(stop - start, 8 + 20 * MAX_EDITS))
    if len(body) < 8:
        return
    entry = ">qqI" if body[0] == 1 else ">IiI"
    size = struct.calcsize(entry)
    (num_edits,) = struct.unpack_from(">I", body, 4)
    for number in range(min(num_edits, (len(body) - 8) // size)):
        _, media_time, rate = struct.unpack_from(entry, body, 8 + number * size)
        if media_time >= 0:
            yield rate
