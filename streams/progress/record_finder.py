"""Whether records exist between two offsets; each position is queried once, and the answer is kept while it is
valid."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from streams.progress.broker_facts import FactsUnknown, Partition

Unknown = Literal["unknown"]
UNKNOWN: Final[Unknown] = "unknown"
_MOST_QUESTIONS: Final = 64
_MOST_ANSWERS: Final = 4096

Ask = Callable[[Partition, int, int], Awaitable[int | None]]


class RecordFinder:
    """Answers from memory, and collects questions for the broker.

    Args:
        ask: finds the first record of a partition at or after an offset and before an end; raises FactsUnknown.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._questions: OrderedDict[tuple[Partition, int], int] = OrderedDict()
        self._answers: OrderedDict[tuple[Partition, int], tuple[int | None, int]] = OrderedDict()
        """By partition and offset: the first record, or None, and the end up to which the answer is valid."""

    def first(self, partition: Partition, offset: int, end: int) -> int | Unknown | None:
        """Return the offset of the first record at or after `offset` and before `end`; None if there is none."""
        found, searched = self._answers.get((partition, offset), (None, offset))
        if found is not None:
            return found if found < end else None
        if searched >= end:
            return None
        if len(self._questions) < _MOST_QUESTIONS:
            self._questions[partition, offset] = end
        return UNKNOWN

    async def answer(self) -> None:
        """Ask the collected questions one after another; a failed question stays unknown."""
        while self._questions:
            (partition, offset), end = self._questions.popitem(last=False)
            _, searched = self._answers.get((partition, offset), (None, offset))
            try:
                found = await self._ask(partition, searched, end)
            except FactsUnknown:
                continue
            self._answers[partition, offset] = (found, end)
            if len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
