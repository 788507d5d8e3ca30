"""Which batch is being counted, where the parent process reads it after the worker's death; and what it notes of that.

A batch that was in hand when its worker died by itself is counted event by event the next time, each in a transaction
of its own. An event with which the worker then dies by itself twice is given up as `crash-loop`. See
`streams.lifecycle.exclusive_board`, `streams.worker.note_death` and `docs/decisions`, 0018.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from streams.delivery.attempts import DEATHS_ALONE_BEFORE_GIVING_UP
from streams.lifecycle.exclusive_board import ExclusiveBoard

Batch = dict[int, list[Any]]
"""Messages of the client by partition, in the order of the log."""

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
    """Offsets of one partition among which is one that may have ended a worker."""

    first: int
    last: int
    num_deaths: int
    """Of the worker by itself, with this event alone in its batch; 0 for more offsets than one."""

    @property
    def is_hopeless(self) -> bool:
        """Whether the only offset is not to be tried again."""
        return self.first == self.last and self.num_deaths >= DEATHS_ALONE_BEFORE_GIVING_UP

    def __contains__(self, offset: int) -> bool:
        return self.first <= offset <= self.last

    def after_death(self, found: CountedRange) -> Suspects:
        """What is suspected after one more death."""
        if found.first != found.last:
            return Suspects(found.first, found.last, 0)
        is_same = (self.first, self.last) == (found.first, found.last)
        return Suspects(found.first, found.last, self.num_deaths + 1 if is_same else 1)


NO_SUSPECTS: Final = Suspects(-1, -2, 0)


class BatchBoard:
    """Puts the offsets of a batch on the board for as long as it is counted.

    Args:
        board: read by the parent process; None where there is none, and nothing is noted.
    """

    def __init__(self, board: ExclusiveBoard | None = None) -> None:
        self._board = board

    @contextmanager
    def counting(self, topic: str, batch: Batch) -> Iterator[None]:
        """Name what is counted while the block runs."""
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
    """The offsets that an entry of the board names; None where it names something else."""
    if not entry.startswith(f'["{_ENGAGEMENT}"'):
        return None
    _, topic, partition, first, last = json.loads(entry)
    return CountedRange(topic, partition, first, last)


def singled_out(batch: Batch, is_alone: Callable[[int, int], bool]) -> list[Batch]:
    """The partitions of a batch one by one, with some events in parts of their own.

    Args:
        batch: what is counted.
        is_alone: of a partition and an offset, whether that event is counted alone.
    """
    return [part for partition, found in batch.items() for part in _parts(partition, found, is_alone)]


def _parts(partition: int, found: list[Any], is_alone: Callable[[int, int], bool]) -> Iterator[Batch]:
    for alone, run in groupby(found, lambda message: is_alone(partition, message.offset())):
        messages = list(run)
        yield from ({partition: [message]} for message in messages) if alone else ({partition: messages},)
