"""Tables of transport streams: sections, and bytes between them. Terms are those of ISO/IEC 13818-1."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

MAX_SECTIONS = 500_000
"""Of one file: a radio recording repeats its tables ten times per second."""
MAX_CONTENT_BYTES = 16 * 2**20
"""Kept of one file, to be searched for other files: programme guides of a week are shorter."""
MAX_RUN_BYTES = 2**16
"""Of sections without a packet that marks a start."""
FIRST_TABLE = 2
"""Number of the table that lists the streams of a programme; lower ones have identifiers of their own."""
TABLE_PIDS = 0x20
"""Lower identifiers carry only tables of the standards."""
_HEADER_BYTES = 3
_STUFFING = 0xFF
_HAS_CHECKSUM = 0x80
_REVERSED: Final = bytes(int(f"{number:08b}"[::-1], 2) for number in range(256))
_STUFFING_TABLE = 0x72
_TABLES: Final[dict[int, frozenset[int]]] = {
    0x00: frozenset((0x00,)),
    0x01: frozenset((0x01,)),
    0x02: frozenset((0x03,)),
    0x10: frozenset((0x40, 0x41)),
    0x11: frozenset((0x42, 0x46, 0x4A)),
    0x12: frozenset(range(0x4E, 0x70)),
    0x13: frozenset((0x71,)),
    0x14: frozenset((0x70, 0x73)),
    0x16: frozenset((0x79,)),
    0x1E: frozenset((0x7E,)),
    0x1F: frozenset((0x7F,)),
}
"""By identifier, from ISO/IEC 13818-1 and ETSI EN 300 468."""


class SectionCount:
    """Counts packets of all identifiers without a stream."""

    def __init__(self) -> None:
        self.num_table_bytes = 0
        """Of different sections: tables are repeated."""
        self.num_other_bytes = 0
        """Of bytes that are no section."""
        self._known: set[int] = set()
        self.content = DistinctContent()
        self._num_left = MAX_SECTIONS
        self._begun: dict[int, bytes] = {}
        """By identifier: bytes since a packet last marked the start of a section."""

    def add(self, pid: int, packets: Iterable[bytes]) -> None:
        """Add packets of one identifier, in order."""
        begun = self._begun.pop(pid, b"")
        payloads = [(_payload(packet), bool(packet[1] & 0x40)) for packet in packets]
        for payload, _ in payloads:
            self.content.add(payload)
        whole, starts = _joined(payloads, begun)
        self.num_other_bytes += starts[0] if starts else len(whole)
        for start, stop in pairwise(starts):
            self._add_run(pid, whole, start, max(start, stop))
        if starts and len(whole) - starts[-1] <= MAX_RUN_BYTES:
            self._begun[pid] = whole[starts[-1] :]
        elif starts:
            self._add_run(pid, whole, starts[-1], len(whole))

    def finish(self) -> None:
        """Finish after the last packet."""
        for pid, whole in self._begun.items():
            self._add_run(pid, whole, 0, len(whole))
        self._begun.clear()

    def _add_run(self, pid: int, whole: bytes, start: int, stop: int) -> None:
        """Count successive sections, and the stuffing after them."""
        for section in _sections(whole, start, stop):
            self._num_left -= 1
            if self._num_left < 0:
                break
            start += len(section)
            if not _is_table(pid, section):
                self.num_other_bytes += len(section)
            elif (known := hash(section)) not in self._known:
                self._known.add(known)
                self.num_table_bytes += len(section)
        rest = whole[start:stop]
        self.num_other_bytes += len(rest) - rest.count(_STUFFING)


class DistinctContent:
    """Payload of packets, each once: tables are repeated."""

    def __init__(self) -> None:
        self.whole = bytearray()
        self._known: set[int] = set()

    def add(self, payload: bytes) -> None:
        """Add a payload, up to a limit."""
        key = hash(payload)
        if key not in self._known and len(self.whole) < MAX_CONTENT_BYTES:
            self._known.add(key)
            self.whole += payload


def _payload(packet: bytes) -> bytes:
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _joined(payloads: Iterable[tuple[bytes, bool]], begun: bytes) -> tuple[bytes, list[int]]:
    """Return the payload of packets, and the marked starts of sections."""
    whole, starts = bytearray(begun), [0] if begun else []
    for payload, is_start in payloads:
        if payload and is_start:
            starts.append(len(whole) + min(payload[0], len(payload) - 1))
            payload = payload[1:]
        whole += payload
    return bytes(whole), starts


def _sections(whole: bytes, start: int, stop: int) -> Iterator[bytes]:
    while start + _HEADER_BYTES <= stop and whole[start] != _STUFFING:
        size = _HEADER_BYTES + (int.from_bytes(whole[start + 1 : start + 3], "big") & 0xFFF)
        if start + size > stop:
            return
        yield whole[start : start + size]
        start += size


def _is_table(pid: int, section: bytes) -> bool:
    """Return whether its identifier may carry it, and its checksum is valid if it has one."""
    if pid < TABLE_PIDS:
        is_allowed = section[0] == _STUFFING_TABLE or section[0] in _TABLES.get(pid, ())
    else:
        is_allowed = section[0] >= FIRST_TABLE  # a packet of a stream starts with 0, 0, 1
    return is_allowed and (not section[1] & _HAS_CHECKSUM or _checksum(section) == 0)


def _checksum(section: bytes) -> int:
    """Return MPEG's CRC-32, most significant bit first; the bits are in another order, which does not matter for 0."""
    return zlib.crc32(section.translate(_REVERSED)) ^ 0xFFFFFFFF
