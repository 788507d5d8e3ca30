"""Counts the dead letters of one role that are caused by internal faults, within a window.

Causes on the side of senders (events that cannot be read, media that is refused or damaged) never count. Why:
`docs/decisions`, 0020.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from operators.errors import MachineUnavailable, ServerUnavailable, SourceUnavailable
from operators.internal_errors import INTERNAL_ERROR
from schemas.facts import Failure
from streams.lifecycle.clock import Clock
from streams.record import Place

MACHINE_UNAVAILABLE: Final = "machine-unavailable"
"""Cause for an event that waited for a disk, a mount or a descriptor until the outage timeout."""
MODEL_SERVER_UNAVAILABLE: Final = "model-server-away"
"""The same for one that waited for a model server."""
NEWER_RELEASE: Final = "newer-release"
"""Cause for a record that a newer release wrote."""
OUR_FAULTS: Final = frozenset((INTERNAL_ERROR, MACHINE_UNAVAILABLE, MODEL_SERVER_UNAVAILABLE, NEWER_RELEASE))
"""Causes that the limit counts."""


class OwnFaults:
    """Counts events that were given up by internal faults; an event counts once.

    Args:
        clock: for the window.
        max_dead_letters: within the window; 0 disables the limit.
        window_seconds: how long a dead letter counts.
    """

    def __init__(self, clock: Clock, max_dead_letters: int, window_seconds: float) -> None:
        self._clock = clock
        self._window_seconds = window_seconds
        self._counted: OrderedDict[Place, float] = OrderedDict()
        """Time at which each event was given up, the oldest first."""
        self.max_dead_letters = max_dead_letters

    def is_free(self, place: Place, failure: Failure) -> bool:
        """Return whether the event may be given up without room: a sender's fault, no limit, or counted before."""
        if failure.cause not in OUR_FAULTS or self.max_dead_letters == 0:
            return True
        self._forget_old()
        return place in self._counted

    @property
    def is_full(self) -> bool:
        """Whether one more would exceed the limit."""
        self._forget_old()
        return len(self._counted) >= self.max_dead_letters

    def count(self, place: Place) -> None:
        """Count an event that is given up."""
        self._counted[place] = self._clock.monotonic_seconds()

    def _forget_old(self) -> None:
        oldest_seconds = self._clock.monotonic_seconds() - self._window_seconds
        while self._counted and next(iter(self._counted.values())) < oldest_seconds:
            self._counted.popitem(last=False)


def cause_of_unavailability(unavailable: SourceUnavailable) -> str:
    """Return the cause for an event that waited for a source, or for what is treated like one, until the timeout."""
    match unavailable:
        case MachineUnavailable():
            return MACHINE_UNAVAILABLE
        case ServerUnavailable():
            return MODEL_SERVER_UNAVAILABLE
    return "media-source-away"
