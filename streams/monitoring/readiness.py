"""Liveness and readiness of a worker: written on its event loop, read from the endpoint's threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streams.progress.states import RoleReport

ANSWERS_SECONDS: Final = 15.0
"""How long the last word about broker and store counts."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One answer: whether it holds, and what it rests on."""

    holds: bool
    details: dict[str, Any]


@dataclass(slots=True)
class Health:
    """The state that both answers are made of.

    Args:
        roles: that have to join before the worker is ready.
        monotonic_seconds: the clock.
    """

    roles: Sequence[str]
    monotonic_seconds: Callable[[], float]
    has_joined: Callable[[str], bool] = lambda _role: False
    silent_seconds: Callable[[], float] = lambda: 0.0
    """How long the event loop has been silent."""
    late_seconds: float = 10.0
    reports: Callable[[], Mapping[str, RoleReport]] = dict
    """How each role gets on, by the broker's facts."""
    stuck_roles: Callable[[], Sequence[str]] = tuple
    """Roles with work that got nowhere for too long."""
    is_serving: bool = False
    """Models are warm and every role has joined its group."""
    is_draining: bool = False
    answers: dict[str, bool] = field(default_factory=dict)
    """Whether broker and store answered when they were last asked."""
    answered_seconds: float | None = None

    def heard(self, answers: dict[str, bool]) -> None:
        """Broker and store were asked."""
        self.answers = answers
        self.answered_seconds = self.monotonic_seconds()

    def alive(self) -> Statement:
        """The loop turns, and no role is stuck. What is unavailable, or warms up, does not make a process less
        alive."""
        silent_seconds, stuck = self.silent_seconds(), list(self.stuck_roles())
        holds = silent_seconds < self.late_seconds and not stuck
        return Statement(holds, {"alive": holds, "loop_silent_seconds": silent_seconds, "stuck": stuck})

    def ready(self) -> Statement:
        """It takes work: everything is open, joined and warm, what it needs answers, and nobody asked it to stop."""
        missing = [*self._missing()]
        roles = {role: _details(report) for role, report in self.reports().items()}
        return Statement(not missing, {"ready": not missing, "missing": missing, "roles": roles})

    def _missing(self) -> list[str]:
        if self.is_draining:
            return ["the worker is stopping"]
        found = [f"role {role} has not joined its group" for role in self.roles if not self.has_joined(role)]
        if not self.is_serving and not found:
            found.append("the worker is still opening")
        if self.silent_seconds() >= self.late_seconds:
            found.append("the event loop stands still")
        found += [report.problem for report in self.reports().values() if report.problem]
        return found + self._unanswered()

    def _unanswered(self) -> list[str]:
        if self.answered_seconds is None or self.monotonic_seconds() - self.answered_seconds > ANSWERS_SECONDS:
            return ["broker and store were not asked of late"]
        return [f"{name} does not answer" for name, answered in self.answers.items() if not answered]


def _details(report: RoleReport) -> dict[str, Any]:
    """What `/readyz` says of one role; a lag that nobody knows is null, and never 0."""
    return {"state": report.state, "lag": report.lag, "stalled_seconds": round(report.stalled_seconds, 1)}
