"""A worker that has work and gets nowhere ends itself, loudly: a supervisor can start another."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from streams.clock import Clock
from streams.delivery.crash import WorkerExit

CHECK_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Progress(Protocol):
    """What the watchdog looks at of one role."""

    @property
    def role(self) -> str:
        """Its name."""

    def num_finished(self) -> int:
        """Grows with every finished event."""

    def lag(self) -> int:
        """Records that wait for it; none while it waits, with all it has, for what is away."""


@dataclass(slots=True)
class _Mark:
    num_finished: int
    since_seconds: float


class Watchdog:
    """Looks at all roles every few seconds.

    Args:
        roles: what runs in this worker.
        patience_seconds: without any finished event although records wait.
        clock: for durations.
        all_answer: whether broker and store are there; where one is not, waiting is right.
        give_up: ends the process.
    """

    def __init__(
        self,
        roles: Sequence[Progress],
        patience_seconds: float,
        clock: Clock,
        *,
        all_answer: Callable[[], Awaitable[bool]],
        give_up: Callable[[str], None] | None = None,
    ) -> None:
        self._roles = roles
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._all_answer = all_answer
        self._give_up = give_up or dump_and_exit
        self._marks = {role.role: _Mark(role.num_finished(), clock.monotonic_seconds()) for role in roles}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(CHECK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Give up where a role stood still for too long."""
        for role in self._roles:
            if self._stands_still(role) and await self._all_answer():
                self._give_up(role.role)

    def _stands_still(self, role: Progress) -> bool:
        now_seconds = self._clock.monotonic_seconds()
        mark = self._marks[role.role]
        if role.num_finished() != mark.num_finished or role.lag() == 0:
            mark = self._marks[role.role] = _Mark(role.num_finished(), now_seconds)
        return now_seconds - mark.since_seconds >= self._patience_seconds


def dump_and_exit(role: str) -> None:
    """Write the stacks of all threads and end the process without any further step."""
    _log.critical("no event was finished although records wait; ending the process", role=role)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(WorkerExit.CRASHED)
