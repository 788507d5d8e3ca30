"""Bytes of MPEG transport streams, by packet identifier. Terms are those of ISO/IEC 13818-1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.sections import TABLE_PIDS, SectionCount
from operators.media.ledgers.unread_payload import PACKET_BYTES, Bytes, UnreadPayload, begins_unit, heads

MAX_READ_BYTES = 128 * 2**20
"""Of one file, from its start; after that, `NUM_SAMPLES` places are read."""
NUM_SAMPLES = 32
SAMPLE_BYTES = 2**20
MIN_FOREIGN_PACKETS = 32
"""Of one identifier in one such place; a table has fewer packets without the start of a section."""
MAX_SLIPS = 2_000
"""How often packets may be found again after the rhythm was lost; later bytes belong to no stream."""
MAX_ADAPTATION_BYTES = 48
"""Of clocks, flags and private data before a payload; the rest is stuffing."""
MAX_NULLS = 100_000
"""Null packets with content that are kept of one window: more are hidden bytes by their number."""
NULL_PID = 0x1FFF
_SIZES = (188, 192, 204)
_SYNC = 0x47
_PROOF_PACKETS = 5
_WINDOW_BYTES = 2**23
_SEARCH_BYTES = 2**17
_NUM_PIDS = NULL_PID + 1


def transport_ledger(media: MediaFile, known: Iterable[int], data: Iterable[int]) -> Ledger:
    """Count packets.

    Args:
        media: the file.
        known: identifiers of streams that are analysed or named.
        data: of other streams that FFmpeg knows; it takes the programme guide for one.
    """
    ledger = Ledger(media.size_bytes)
    count = _PacketCount([*known], [pid for pid in data if pid >= TABLE_PIDS])
    size = _packet_bytes(np.frombuffer(media.peek(0, _SEARCH_BYTES), np.uint8))
    if not size:
        ledger.num_stray_bytes = media.size_bytes
        return ledger
    for rows, num_skipped in _runs(media, size, 0, min(media.size_bytes, MAX_READ_BYTES)):
        ledger.num_stray_bytes += num_skipped
        count.add(rows[:, :PACKET_BYTES])
    count.enter(ledger)
    ledger.num_stray_bytes += _num_foreign_behind(media, size, count)
    return ledger


def _packet_bytes(head: Bytes) -> int:
    """Return the packet size whose rhythm begins first; 0 without one."""
    found = {size: _first_packet(head, size) for size in _SIZES}
    return min((size for size in _SIZES if found[size] is not None), key=lambda size: found[size] or 0, default=0)


def _first_packet(part: Bytes, size: int) -> int | None:
    """Return where successive packets begin; fewer of them are required at the end of a file."""
    num_packets = min(_PROOF_PACKETS, max(1, len(part) // size))
    last = len(part) - size * (num_packets - 1)
    is_start = np.ones(max(0, min(last, _SEARCH_BYTES)), bool)
    for number in range(num_packets):
        is_start &= part[number * size : number * size + len(is_start)] == _SYNC
    return int(is_start.argmax()) if is_start.any() else None


def _num_foreign_behind(media: MediaFile, size: int, count: _PacketCount) -> int:
    """Estimate the bytes of no stream after the part that was read, from evenly spaced places."""
    rest = media.size_bytes - MAX_READ_BYTES
    num_samples = min(NUM_SAMPLES, max(0, rest) // SAMPLE_BYTES)
    found = 0
    for number in range(num_samples):
        start = MAX_READ_BYTES + (rest - SAMPLE_BYTES) * number // max(1, num_samples - 1)
        runs = _runs(media, size, start, start + SAMPLE_BYTES)
        found += sum(count.num_foreign_bytes(rows[:, :PACKET_BYTES]) for rows, _ in runs)
    return found * rest // max(1, num_samples * SAMPLE_BYTES)


def _runs(media: MediaFile, size: int, place: int, stop: int) -> Iterator[tuple[Bytes, int]]:
    """Yield successive packets, and the number of skipped bytes before them."""
    window, begin = np.zeros(0, np.uint8), place
    for _ in range(MAX_SLIPS):
        if place + _SEARCH_BYTES > begin + len(window) < media.size_bytes:
            num_bytes = min(_WINDOW_BYTES, max(_SEARCH_BYTES, stop - place))
            window, begin = np.frombuffer(media.peek(place, num_bytes), np.uint8), place
        part = window[place - begin :]
        if stop - place < PACKET_BYTES or len(part) < PACKET_BYTES:
            return
        first = _first_packet(part, size)
        num_skipped = min(len(part), _SEARCH_BYTES - size * _PROOF_PACKETS) if first is None else first
        rows = _rows(part[num_skipped:], size) if first is not None else part[:0].reshape(0, size)
        rows = rows[: max(0, stop - place - num_skipped) // size + 1]
        yield rows, num_skipped
        place += num_skipped + max(len(rows) * size, first is not None)
    yield np.zeros((0, size), np.uint8), max(0, stop - place)


def _rows(part: Bytes, size: int) -> Bytes:
    """Return the packets up to the first position where none begins."""
    rows = part[: len(part) // size * size].reshape(-1, size)
    is_lost = rows[:, 0] != _SYNC
    return rows[: int(is_lost.argmax())] if is_lost.any() else rows


class _PacketCount:
    """By identifier: packets with payload, scrambled ones, and null packets with content."""

    def __init__(self, known: list[int], data: list[int]) -> None:
        self._known, self._data = known, data
        self._num_payloads = np.zeros(_NUM_PIDS, np.int64)
        self._num_scrambled = np.zeros(_NUM_PIDS, np.int64)
        self._num_null_bytes = 0
        self._num_adaptation_bytes = 0
        self._sections = SectionCount()
        self._unread = {pid: UnreadPayload() for pid in known}
        self._is_other = np.ones(_NUM_PIDS, bool)
        self._is_other[[*known, *data, NULL_PID]] = False

    def add(self, rows: Bytes) -> None:
        """Add packets, in order."""
        pids = self._pids(rows)
        has_payload = (rows[:, 3] & 0x10) > 0
        is_scrambled = has_payload & ((rows[:, 3] & 0xC0) > 0)
        self._num_payloads += np.bincount(pids[has_payload], minlength=_NUM_PIDS)
        self._num_scrambled += np.bincount(pids[is_scrambled], minlength=_NUM_PIDS)
        self._num_null_bytes += PACKET_BYTES * len(_full_nulls(rows, pids))
        self._num_adaptation_bytes += _num_adaptation_bytes(rows)
        self._add_others(rows, pids, np.flatnonzero(has_payload & self._is_other[pids]))
        for pid, unread in self._unread.items():
            unread.add(rows[has_payload & ~is_scrambled & (pids == pid)], self._sections.content)
        for row in _full_nulls(rows, pids)[:MAX_NULLS]:
            self._sections.content.add(row.tobytes())

    def _add_others(self, rows: Bytes, pids: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> None:
        places = places[np.argsort(pids[places], kind="stable")]
        found, starts = np.unique(pids[places], return_index=True)
        ends = [*starts.tolist(), len(places)]
        for pid, (start, stop) in zip(found.tolist(), pairwise(ends), strict=True):
            self._sections.add(pid, (row.tobytes() for row in rows[places[start:stop]]))

    def num_foreign_bytes(self, rows: Bytes) -> int:
        """Return the bytes of identifiers that start no table in these packets, and of null packets with content."""
        pids, is_other = self._pids(rows), (rows[:, 3] & 0x10) > 0
        is_other &= self._is_other[pids]
        nums = np.bincount(pids[is_other], minlength=_NUM_PIDS)
        nums_begun = np.bincount(pids[is_other & _begins_table(rows)], minlength=_NUM_PIDS)
        num_foreign = int(nums[(nums >= MIN_FOREIGN_PACKETS) & (nums_begun == 0)].sum())
        return PACKET_BYTES * (num_foreign + len(_full_nulls(rows, pids)))

    @staticmethod
    def _pids(rows: Bytes) -> npt.NDArray[np.int64]:
        return (rows[:, 1].astype(np.int64) & 0x1F) << 8 | rows[:, 2]

    def enter(self, ledger: Ledger) -> None:
        """Write the counts to the ledger."""
        self._sections.finish()
        num_unread = sum(unread.num_bytes for unread in self._unread.values())
        ledger.num_stray_bytes += self._num_null_bytes + self._num_adaptation_bytes
        ledger.num_stray_bytes += self._sections.num_other_bytes + num_unread
        ledger.loose = bytes(self._sections.content.whole)
        num_data_packets = int(self._num_payloads[self._data].sum())
        ledger.num_data_bytes = PACKET_BYTES * num_data_packets + self._sections.num_table_bytes
        ledger.scrambled_ratios = {
            pid: float(self._num_scrambled[pid] / self._num_payloads[pid])
            for pid in self._known
            if self._num_payloads[pid]
        }


def _full_nulls(rows: Bytes, pids: npt.NDArray[np.int64]) -> Bytes:
    """Return the payload of null packets whose bytes differ."""
    null = rows[pids == NULL_PID][:, 4:]
    full: Bytes = null[null.min(axis=1, initial=255) != null.max(axis=1, initial=0)]
    return full


def _begins_table(rows: Bytes) -> npt.NDArray[np.bool_]:
    """Tell which packets start something other than a packet of a stream, which starts with 0, 0, 1."""
    is_table: npt.NDArray[np.bool_] = begins_unit(rows) & (heads(rows)[:, :3] != (0, 0, 1)).any(axis=1)
    return is_table


def _num_adaptation_bytes(rows: Bytes) -> int:
    """Return the bytes of adaptation fields that are neither a clock nor stuffing."""
    fields = rows[((rows[:, 3] & 0x20) > 0) & (rows[:, 4] > MAX_ADAPTATION_BYTES)]
    inside = np.arange(5 + MAX_ADAPTATION_BYTES, PACKET_BYTES)[None] < 5 + fields[:, 4:5].astype(np.int64)
    is_content = (fields[:, 5 + MAX_ADAPTATION_BYTES :] != 0xFF) & inside
    return int(is_content.sum())
