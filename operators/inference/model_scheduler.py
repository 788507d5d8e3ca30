"""Selects the model that runs next on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from operators.inference.request_context import LANES, Lane


class Waiting(Protocol):
    """A queue that knows since when its oldest item waits."""

    def oldest_seconds(self, lane: Lane) -> float | None:
        """Return when the longest waiting item of a priority class was queued, or None if none waits there."""


Line = TypeVar("Line", bound=Waiting)


class ModelScheduler:
    """The model with the oldest waiting item runs next, live items before backfill.

    One slot in `turns_per_aging_slot` is an aging slot: it goes by age alone, so that a model with only backfill items
    gets its share.
    """

    def __init__(self, turns_per_aging_slot: int = 8) -> None:
        self._turns_per_aging_slot = turns_per_aging_slot
        self._num_turns = 0

    def next_queue(self, lines: Sequence[Line]) -> Line | None:
        """Return the queue to serve, or None if nothing waits."""
        waiting = {
            lane: [(since, line) for line in lines if (since := line.oldest_seconds(lane)) is not None]
            for lane in LANES
        }
        candidates = next((entries for entries in waiting.values() if entries), None)
        if candidates is None:
            return None
        self._num_turns += 1
        if self._num_turns % self._turns_per_aging_slot == 0:
            candidates = [entry for entries in waiting.values() for entry in entries]
        return min(candidates, key=lambda entry: entry[0])[1]
