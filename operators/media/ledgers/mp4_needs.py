"""Necessary length of MP4 boxes by their number of entries: a longer box contains something else.

A number of entries is believed up to the number of samples, chunks or fragments, so that no table can carry other data.
Terms are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_EDITS = 1_000
"""Of one list; the rest counts as stray."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Limits of the entries of tables."""

    num_samples: int = 0
    num_chunks: int = 0
    num_fragments: int = 0
    """Number of track fragments, for boxes of the whole file."""


FIXED: Mapping[bytes, tuple[int, int]] = {
    b"mvhd": (100, 112),
    b"tkhd": (84, 96),
    b"mdhd": (24, 36),
    b"vmhd": (12, 12),
    b"smhd": (8, 8),
    b"nmhd": (4, 4),
    b"hmhd": (20, 20),
    b"sthd": (4, 4),
    b"mehd": (8, 12),
    b"trex": (24, 24),
    b"trep": (8, 8),
    b"mfhd": (8, 8),
    b"tfdt": (8, 12),
    b"mfro": (8, 8),
    b"cslg": (24, 44),
    b"prft": (20, 24),
}
"""Bytes of the body in version 0 and later ones."""
CAPPED: Mapping[bytes, int] = {
    b"ftyp": 512,
    b"styp": 512,
    b"pdin": 512,
    b"iods": 512,
    b"leva": 1024,
    b"hdlr": 1024,
    b"gmhd": 4096,
    b"dref": 8192,
    b"stsd": 65_536,
    b"pssh": 65_536,
    b"sgpd": 8192,
    b"subs": 65_536,
    b"senc": 65_536,
    b"ssix": 65_536,
}
"""Maximum bytes of the body for boxes whose entries have individual lengths; the rest counts as notes do."""
REPEATED: Mapping[bytes, int] = {b"trun": 1_000_000, b"trex": 100, b"sbgp": 8, b"saiz": 8, b"saio": 8}
"""Maximum number of boxes of a kind in one track, if not one."""
NO_COUNTS = Counts()


def needed_bytes(kind: bytes, body: bytes, counts: Counts) -> int | None:
    """Return the necessary length of a body; None if the box is unknown."""
    if kind in FIXED:
        return FIXED[kind][body[:1] > b"\0"]
    if kind in CAPPED:
        return CAPPED[kind]
    size = _COUNTED.get(kind)
    try:
        return None if size is None else size(body, counts)
    except (struct.error, IndexError):
        return len(body)  # too short for its own head


def _table(entry_bytes: int, limit: Callable[[Counts], int], head_bytes: int = 8) -> Callable[[bytes, Counts], int]:
    """Return the length of a table: a number of entries before entries of equal length."""

    def size(body: bytes, counts: Counts) -> int:
        (count,) = struct.unpack_from(">I", body, head_bytes - 4)
        return head_bytes + entry_bytes * int(min(count, limit(counts)))

    return size


def _samples(counts: Counts) -> int:
    return counts.num_samples


def _chunks(counts: Counts) -> int:
    return counts.num_chunks


def _sizes(body: bytes, counts: Counts) -> int:
    uniform, count = struct.unpack_from(">II", body, 4)
    return int(12 + (0 if uniform else 4 * min(count, counts.num_samples)))


def _compact_sizes(body: bytes, counts: Counts) -> int:
    bits, count = struct.unpack_from(">B", body, 7)[0], struct.unpack_from(">I", body, 8)[0]
    return int(12 + (min(count, counts.num_samples) * bits + 7) // 8)


def _edits(body: bytes, _counts: Counts) -> int:
    (count,) = struct.unpack_from(">I", body, 4)
    return int(8 + (20 if body[0] else 12) * min(count, MAX_EDITS))


def _sample_groups(body: bytes, counts: Counts) -> int:
    head = 16 if body[0] else 12
    return head + 8 * int(min(struct.unpack_from(">I", body, head - 4)[0], counts.num_samples))


def _auxiliary_sizes(body: bytes, counts: Counts) -> int:
    head = 13 if body[3] & 1 else 5
    uniform, count = struct.unpack_from(">BI", body, head - 1)
    return int(head + 4 + (0 if uniform else min(count, counts.num_samples)))


def _auxiliary_places(body: bytes, counts: Counts) -> int:
    head = 16 if body[3] & 1 else 8
    limit = max(1, counts.num_chunks, counts.num_fragments)
    return head + (8 if body[0] else 4) * int(min(struct.unpack_from(">I", body, head - 4)[0], limit))


def _segments(body: bytes, counts: Counts) -> int:
    """`sidx`: an entry for each fragment, or for several, and for lists of them."""
    head = 32 if body[0] else 24
    return int(head + 12 * min(struct.unpack_from(">H", body, head - 2)[0], counts.num_fragments))


def _random_access(body: bytes, counts: Counts) -> int:
    """`tfra`: an entry for each fragment of the track."""
    lengths, count = struct.unpack_from(">II", body, 8)
    numbers = sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
    return int(16 + ((16 if body[0] else 8) + numbers) * min(count, counts.num_fragments))


def _track_fragment_header(body: bytes, _counts: Counts) -> int:
    flags: int = struct.unpack_from(">I", body)[0]
    return 8 + 8 * (flags & 1) + 4 * (flags & 0x3A).bit_count()


def _run(body: bytes, _counts: Counts) -> int:
    flags, count = struct.unpack_from(">II", body)
    if not count:
        return 0
    head = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    return int(head + 4 * count * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800)))


_COUNTED: Mapping[bytes, Callable[[bytes, Counts], int]] = {
    b"stts": _table(8, _samples),
    b"ctts": _table(8, _samples),
    b"stss": _table(4, _samples),
    b"stps": _table(4, _samples),
    b"stsh": _table(8, _samples),
    b"stsc": _table(12, _chunks),
    b"stco": _table(4, _chunks),
    b"co64": _table(8, _chunks),
    b"stsz": _sizes,
    b"stz2": _compact_sizes,
    b"sdtp": lambda _body, counts: 4 + counts.num_samples,
    b"padb": lambda _body, counts: 8 + (counts.num_samples + 1) // 2,
    b"stdp": lambda _body, counts: 4 + 2 * counts.num_samples,
    b"elst": _edits,
    b"sbgp": _sample_groups,
    b"saiz": _auxiliary_sizes,
    b"saio": _auxiliary_places,
    b"sidx": _segments,
    b"tfra": _random_access,
    b"tfhd": _track_fragment_header,
    b"trun": _run,
}
