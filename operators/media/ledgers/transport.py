"""Bytes of MPEG transport streams, by packet identifier. Terms are those of ISO/IEC 13818-1."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Ledger

PACKET_BYTES = 188
MAX_READ_BYTES = 128 * 2**20
"""Of one file, from its beginning."""
NULL_PID = 0x1FFF
TABLE_PIDS = 0x20
"""Identifiers below this one carry tables of the standards."""
_CHUNK_PACKETS = 40_000
_SIZES = (188, 192, 204)
_SYNC = 0x47
_FIRST_TABLE = 2
"""Identifier of the table that lists the streams of a programme; what is below has identifiers of its own."""


def transport_ledger(media: MediaFile, known: Iterable[int], data: Iterable[int]) -> Ledger:
    """Count packets.

    Args:
        media: the file.
        known: identifiers of streams that are analysed or named.
        data: of others that FFmpeg knows.
    """
    ledger = Ledger(media.size_bytes)
    size, shift = _packet_size(media.peek(0, 204 * 8))
    if not size:
        return ledger
    counts = np.zeros((4, NULL_PID + 1), np.int64)
    for place in range(0, min(media.size_bytes, MAX_READ_BYTES), _CHUNK_PACKETS * size):
        chunk = np.frombuffer(media.peek(place, _CHUNK_PACKETS * size), np.uint8)
        counts += _counted(chunk[: len(chunk) // size * size].reshape(-1, size)[:, shift:], ledger, size)
    payload = 184 * counts[0]
    payload[:TABLE_PIDS] = 0
    payload[NULL_PID] = 184 * counts[2][NULL_PID]
    ledger.num_data_bytes = int(payload[list(data)].sum())
    payload[[*known, *data]] = 0
    # Tables begin again in nearly every packet of theirs, and no film does.
    payload[2 * counts[3] >= counts[0]] = 0
    ledger.num_stray_bytes += int(payload.sum())
    ledger.scrambled_ratios = {pid: float(counts[1][pid] / counts[0][pid]) for pid in known if counts[0][pid]}
    return ledger


def _packet_size(head: bytes) -> tuple[int, int]:
    """Bytes from packet to packet and in front of the synchronisation byte; (0, 0) where there is no rhythm."""
    for size in _SIZES:
        for shift in (4, 0) if size == 192 else (0,):
            syncs = head[shift : size * 5 : size]
            if len(syncs) >= min(3, len(head) // size) > 0 and set(syncs) == {_SYNC}:
                return size, shift
    return 0, 0


def _counted(rows: npt.NDArray[np.uint8], ledger: Ledger, size: int) -> npt.NDArray[np.int64]:
    """By identifier: packets with payload, scrambled ones, ones with content, ones that begin a table."""
    counts = np.zeros((4, NULL_PID + 1), np.int64)
    is_packet = rows[:, 0] == _SYNC
    ledger.num_stray_bytes += int((~is_packet).sum()) * size
    rows = rows[is_packet]
    pids = (rows[:, 1].astype(np.int64) & 0x1F) << 8 | rows[:, 2]
    has_payload = (rows[:, 3] & 0x10) > 0
    is_scrambled = has_payload & ((rows[:, 3] & 0xC0) > 0)
    is_null = pids == NULL_PID
    has_content = is_null.copy()
    body = rows[is_null][:, 4:PACKET_BYTES]
    has_content[is_null] = body.min(axis=1, initial=255) != body.max(axis=1, initial=0)
    begins = ((rows[:, 1] & 0x40) > 0) & (rows[:, 3] & 0x30 == 0x10)
    is_table = begins & (rows[:, 4] == 0) & (rows[:, 5] >= _FIRST_TABLE)  # packets of streams begin with 0, 0, 1
    for number, chosen in enumerate((has_payload, is_scrambled, has_content, is_table)):
        counts[number] = np.bincount(pids[chosen], minlength=NULL_PID + 1)
    return counts
