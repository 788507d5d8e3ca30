"""Payload in the packets of a stream of a transport stream that nothing reads. Terms are those of ISO/IEC 13818-1.

What follows the start of a unit that is no packet of a stream, or is one of padding, is skipped up to the next start.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.media.ledgers.sections import DistinctContent

PACKET_BYTES = 188
MAX_EXAMINED = 10_000
"""Packets at a time: all of the others count as content."""
_HEAD_BYTES = 4
_UNIT_HEADER_BYTES = 6
_BEGINS = 0x40
_PADDING_STREAM = 0xBE

Bytes = npt.NDArray[np.uint8]


class UnreadPayload:
    """Of one identifier."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._is_skipped = False
        """Whether the last unit that began is not read; before the first one, a recording was cut."""

    def add(self, rows: Bytes, content: DistinctContent) -> None:
        """Add packets with payload, in order; what is not read is added to `content`."""
        if not len(rows):
            return
        head, begins = heads(rows), begins_unit(rows)
        is_short = _payload_starts(rows) > PACKET_BYTES - _HEAD_BYTES
        is_read = is_short | ((head[:, :3] == (0, 0, 1)).all(axis=1) & (head[:, 3] != _PADDING_STREAM))
        if not self._is_skipped and is_read[begins].all():
            return
        last = np.maximum.accumulate(np.where(begins, np.arange(len(rows)), -1))
        is_skipped = np.where(last < 0, self._is_skipped, ~is_read[last])
        self._is_skipped = bool(is_skipped[-1])
        skipped = rows[is_skipped]
        self.num_bytes += len(skipped[MAX_EXAMINED:]) * (PACKET_BYTES - _HEAD_BYTES)
        for row, start in zip(skipped, _payload_starts(skipped[:MAX_EXAMINED]).tolist(), strict=False):
            payload = row[start:]
            body = payload[_UNIT_HEADER_BYTES:] if row[1] & _BEGINS else payload
            if body.min(initial=255) < body.max(initial=0):
                self.num_bytes += len(payload)
                content.add(payload.tobytes())


def heads(rows: Bytes) -> Bytes:
    """Return the first bytes of the payload of each packet."""
    first = _payload_starts(rows).clip(max=PACKET_BYTES - _HEAD_BYTES)
    return np.take_along_axis(rows, first[:, None] + np.arange(_HEAD_BYTES), axis=1)


def _payload_starts(rows: Bytes) -> npt.NDArray[np.int64]:
    return np.where(rows[:, 3] & 0x20, 5 + rows[:, 4].astype(np.int64), 4)


def begins_unit(rows: Bytes) -> npt.NDArray[np.bool_]:
    """Tell in which packets a unit begins: a packet of a stream, or a table."""
    return (rows[:, 1] & _BEGINS) > 0
