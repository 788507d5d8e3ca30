"""Order of offsets: the fold requires it, because a fact that arrives after a later one would be ignored as old."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from operators.internal_errors import SharedStateFault
from streams.record import Record

_MAX_GAPS: Final = 256
"""Remembered gaps per partition; aborted transactions leave gaps that are never filled."""


class OffsetsOutOfOrder(SharedStateFault):
    """A fact arrived after a later one of its partition, which has hidden it; the process must read the log again."""


@dataclass(slots=True)
class _Delivered:
    generation: int
    first: int
    last: int
    highest: int
    """Highest offset of this generation and earlier ones."""
    gaps: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MAX_GAPS))
    """First and last offset of each gap between two records of this generation."""


class DeliveredOrder:
    """Tracks the delivered records of each partition, to distinguish a redelivered record from one that is out of
    order."""

    def __init__(self) -> None:
        self._delivered: dict[tuple[str, int], _Delivered] = {}

    def is_redelivered(self, record: Record) -> bool:
        """Return whether the record, or a later one, was delivered before; call it once for each delivery, in order.

        Raises:
            OffsetsOutOfOrder: it was not, although a later one of the same generation was.
        """
        partition, offset = (record.place.topic, record.place.partition), record.place.offset
        known = self._delivered.get(partition)
        if known is None or known.generation < record.generation:
            highest = max(offset, known.highest) if known else offset
            self._delivered[partition] = _Delivered(record.generation, offset, offset, highest)
            return known is not None and offset <= known.highest
        if known.generation > record.generation or offset < known.first:
            return True  # from an earlier generation, or from before the start position of this one
        if offset > known.last:
            return _advance(known, offset)
        _require_no_gap(known, record)
        return True


def _advance(known: _Delivered, offset: int) -> bool:
    if offset > known.last + 1:
        known.gaps.append((known.last + 1, offset - 1))
    is_redelivered = offset <= known.highest
    known.last, known.highest = offset, max(offset, known.highest)
    return is_redelivered


def _require_no_gap(known: _Delivered, record: Record) -> None:
    offset = record.place.offset
    if any(first <= offset <= last for first, last in known.gaps):
        raise OffsetsOutOfOrder(f"{record.place} came after offset {known.last} of the same generation of the group")
