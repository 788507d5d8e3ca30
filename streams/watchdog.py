"""A worker that has work and gets nowhere ends itself, loudly: a supervisor can start another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.clock import Clock
from streams.health.stacks import dump_tasks_and_exit

CHECK_SECONDS = 5.0


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
        give_up: Callable[[str], object] = dump_tasks_and_exit,
    ) -> None:
        self._roles = roles
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._all_answer = all_answer
        self._give_up = give_up
        self._marks: dict[str, _Mark] = {}
        for role in roles:
            self._mark(role)
        self.stuck: tuple[str, ...] = ()
        """Roles that were found stuck; the process ends by it."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(CHECK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Give up where a role stood still for too long."""
        for role in self._roles:
            if not self._stands_still(role):
                continue
            if await self._all_answer():
                self.stuck = (*self.stuck, role.role)
                seconds = self._patience_seconds
                self._give_up(f"{role.role} finished nothing for {seconds:g} s, and {role.lag()} records wait")
            else:  # the time counts anew from when all are back
                self._mark(role)

    def _stands_still(self, role: Progress) -> bool:
        mark = self._marks[role.role]
        if role.num_finished() != mark.num_finished or role.lag() == 0:
            mark = self._mark(role)
        return self._clock.monotonic_seconds() - mark.since_seconds >= self._patience_seconds

    def _mark(self, role: Progress) -> _Mark:
        mark = self._marks[role.role] = _Mark(role.num_finished(), self._clock.monotonic_seconds())
        return mark
