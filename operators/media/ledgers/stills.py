"""Where a still picture or an animation ends."""

from __future__ import annotations

import re
import struct

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Ledger

MAX_PARTS = 100_000
MAX_READ_BYTES = 64 * 2**20
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Of JPEG, inside coded data: not a stuffed byte, a restart or a fill byte."""


def png_ledger(media: MediaFile) -> Ledger:
    """Behind `IEND`; private chunks are strays."""
    ledger, start = Ledger(media.size_bytes), 8
    for _ in range(MAX_PARTS):
        header = media.peek(start, 8)
        if len(header) < 8:
            break
        size, kind = struct.unpack(">I4s", header)
        if kind[0] & 0x20 and kind not in (b"iCCP", b"fdAT", b"acTL", b"fcTL"):
            ledger.notes.append((start + 8, start + 8 + size))
        start += 12 + int(size)
        if kind == b"IEND":
            ledger.end = min(start, media.size_bytes)
            break
    return ledger


def jpeg_ledger(media: MediaFile) -> Ledger:
    """Behind the end of the first image; application segments are notes."""
    ledger = Ledger(media.size_bytes)
    whole = media.peek(0, MAX_READ_BYTES)
    place = 2
    while place + 4 <= len(whole):
        if whole[place] != 0xFF:
            found = _MARKER.search(whole, place)
            if found is None:
                return ledger
            place = found.start()
        marker = whole[place + 1]
        if marker == 0xD9:
            ledger.end = place + 2
            return ledger
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:
            place += 1 if marker == 0xFF else 2
            continue
        size = struct.unpack_from(">H", whole, place + 2)[0]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            ledger.notes.append((place + 4, place + 2 + size))
        place += 2 + size
        if marker == 0xDA:
            found = _MARKER.search(whole, place)
            if found is None:
                return ledger
            place = found.start()
    if whole[place : place + 2] == b"\xff\xd9":
        ledger.end = place + 2
    return ledger


def gif_ledger(media: MediaFile) -> Ledger:
    """Behind the trailer; comments and applications' data are notes."""
    ledger, whole = Ledger(media.size_bytes), media.peek(0, MAX_READ_BYTES)
    if len(whole) < 13:
        return ledger
    place = 13 + _table_bytes(whole[10])
    while place < len(whole):
        start, kind = place, whole[place]
        if kind == 0x3B:
            ledger.end = place + 1
            return ledger
        if kind == 0x2C and place + 10 < len(whole):
            place += 11 + _table_bytes(whole[place + 9])
        elif kind == 0x21 and place + 2 < len(whole):
            place += 2
        else:
            return ledger
        while place < len(whole) and whole[place]:
            place += 1 + whole[place]
        place += 1
        if kind == 0x21 and whole[start + 1] in (0xFE, 0xFF, 0x01):
            ledger.notes.append((start, place))
    return ledger


def _table_bytes(flags: int) -> int:
    """Of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
