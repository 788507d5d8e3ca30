"""The batch that is being counted, in memory that the parent process can read after the worker's death.

A batch that was in progress when its worker died by itself is counted event by event the next time, each in a separate
transaction. An event with which the worker then dies by itself again and again is given up as `crash-loop`; see
`streams.lifecycle.own_deaths`, `streams.worker.note_death` and `docs/decisions`, 0018 and 0035.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.own_deaths import EndKind, OwnDeaths

Batch = dict[int, list[Any]]
"""The client's messages by partition, in the order of the log."""

_ENGAGEMENT: Final = "engagement"


@dataclass(frozen=True, slots=True)
class CountedRange:
    """Offsets of one partition that were being counted."""

    topic: str
    partition: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Suspects:
    """Offsets of one partition that include one that may have ended a worker."""

    first: int
    last: int
    deaths: OwnDeaths = OwnDeaths()  # noqa: RUF009  (it is never changed)
    """With this event alone in its batch; none for several offsets."""

    @property
    def is_hopeless(self) -> bool:
        """Whether the only offset must not be tried again."""
        return self.first == self.last and self.deaths.is_enough

    def __contains__(self, offset: int) -> bool:
        return self.first <= offset <= self.last

    def after_death(self, found: CountedRange, end: EndKind) -> Suspects:
        """Return the suspects after one more death."""
        if found.first != found.last:
            return Suspects(found.first, found.last)
        is_same = (self.first, self.last) == (found.first, found.last)
        return Suspects(found.first, found.last, (self.deaths if is_same else OwnDeaths()).after(end))


NO_SUSPECTS: Final = Suspects(-1, -2)


class BatchBoard:
    """Writes the offsets of a batch to the board while it is counted.

    Args:
        board: read by the parent process; None without a parent, and then nothing is written.
    """

    def __init__(self, board: ExclusiveBoard | None = None) -> None:
        self._board = board

    @contextmanager
    def counting(self, topic: str, batch: Batch) -> Iterator[None]:
        """Write the batch's offsets while the block runs."""
        if self._board is None:
            yield
            return
        entries = [_entry(topic, partition, found) for partition, found in batch.items()]
        self._board.replace((), entries)
        try:
            yield
        finally:
            self._board.replace(entries, ())


def _entry(topic: str, partition: int, found: list[Any]) -> str:
    return json.dumps([_ENGAGEMENT, topic, partition, found[0].offset(), found[-1].offset()])


def counted_range(entry: str) -> CountedRange | None:
    """Return the offsets in an entry of the board; None for another kind of entry."""
    if not entry.startswith(f'["{_ENGAGEMENT}"'):
        return None
    _, topic, partition, first, last = json.loads(entry)
    return CountedRange(topic, partition, first, last)


def singled_out(batch: Batch, is_exclusive: Callable[[int, int], bool]) -> list[Batch]:
    """The partitions of a batch one by one, with some events in parts of their own.

    Args:
        batch: what is counted.
        is_exclusive: of a partition and an offset, whether that event is counted alone.
    """
    return [part for partition, found in batch.items() for part in _parts(partition, found, is_exclusive)]


def _parts(partition: int, found: list[Any], is_exclusive: Callable[[int, int], bool]) -> Iterator[Batch]:
    for alone, run in groupby(found, lambda message: is_exclusive(partition, message.offset())):
        messages = list(run)
        yield from ({partition: [message]} for message in messages) if alone else ({partition: messages},)
