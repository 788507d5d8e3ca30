"""How far the packed data of a PNG picture reach into its chunks: players stop at the last row."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent

MAX_ROW_BYTES = 256 * 2**20
"""Unpacked, about 0.5 s; of a larger picture all data count as needed."""
STEP_BYTES = 2**16
SPARE_BYTES = 64
"""Behind the last row, such as the checksum."""
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps, of each pass of an interlaced picture."""


class PackedRows:
    """Unpacks data as they come, and forgets the rows.

    Args:
        header: body of the first chunk.
    """

    def __init__(self, header: bytes) -> None:
        self._bytes_left = _num_bytes(header)
        self._is_known = 0 < self._bytes_left <= MAX_ROW_BYTES
        self._unpacked = zlib.decompressobj()

    def unused(self, media: MediaFile, first: int, last: int) -> Extent:
        """Return the part of the next chunk's body that is behind the last row."""
        if not self._is_known:
            return last, last
        for place in range(first, last, STEP_BYTES):
            if self._bytes_left <= 0 or self._unpacked.eof:
                spare = SPARE_BYTES if place > first or last - first <= SPARE_BYTES else 0
                return min(last, place + spare), last
            used = self._take(media.peek(place, min(STEP_BYTES, last - place)))
            if used is None:
                return last, last
            if self._bytes_left <= 0 or self._unpacked.eof:
                return min(last, place + used + SPARE_BYTES), last
        return last, last

    def _take(self, packed: bytes) -> int | None:
        """Unpack up to the last row; return how much of the data was needed, or None for damaged ones."""
        num_packed = len(packed)
        try:
            while packed and self._bytes_left > 0:
                self._bytes_left -= len(self._unpacked.decompress(packed, min(2**20, self._bytes_left)))
                packed = self._unpacked.unconsumed_tail
        except zlib.error:
            self._is_known = False
            return None
        return num_packed - len(packed) - len(self._unpacked.unused_data)


def _num_bytes(header: bytes) -> int:
    """Return the length of all rows, each with a byte for its filter; 0 for an unknown header."""
    if len(header) < 13:
        return 0
    width, height, bits, colours, _, _, interlace = struct.unpack(">IIBBBBB", header)
    depth = bits * _CHANNELS.get(colours, 0)
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    total = 0
    for column, row, columns, rows in passes:
        across, down = -(-(width - column) // columns), -(-(height - row) // rows)
        total += down * (1 + (across * depth + 7) // 8) if across > 0 and down > 0 else 0
    return total if depth else 0
