"""Liveness and readiness of a worker: written on its event loop, read from the endpoint's threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streams.progress.states import RoleReport

ANSWERS_SECONDS: Final = 15.0
"""Validity of the last check of broker and store."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One answer: whether it holds, and its reasons."""

    holds: bool
    details: dict[str, Any]


@dataclass(slots=True)
class Health:
    """The state behind both answers.

    Args:
        roles: roles that must join before the worker is ready.
        monotonic_seconds: the clock.
    """

    roles: Sequence[str]
    monotonic_seconds: Callable[[], float]
    has_joined: Callable[[str], bool] = lambda _role: False
    silent_seconds: Callable[[], float] = lambda: 0.0
    """Time since the last beat of the event loop."""
    late_seconds: float = 10.0
    reports: Callable[[], Mapping[str, RoleReport]] = dict
    """Progress of each role, measured at the broker."""
    stuck_roles: Callable[[], Sequence[str]] = tuple
    """Roles with work and without progress for too long."""
    server_problems: Callable[[], Sequence[str]] = tuple
    """Models that cannot be used because of their server, a line for each."""
    is_serving: bool = False
    """Models are warm, as far as their servers answer, and every role has joined its group."""
    is_draining: bool = False
    answers: dict[str, bool] = field(default_factory=dict)
    """Whether broker and store answered the last check."""
    answered_seconds: float | None = None

    def heard(self, answers: dict[str, bool]) -> None:
        """Store the results of a check of broker and store."""
        self.answers = answers
        self.answered_seconds = self.monotonic_seconds()

    def alive(self) -> Statement:
        """Return whether the loop runs and no role is stuck. Unavailable dependencies and warm-up do not matter
        here."""
        silent_seconds, stuck = self.silent_seconds(), list(self.stuck_roles())
        holds = silent_seconds < self.late_seconds and not stuck
        return Statement(holds, {"alive": holds, "loop_silent_seconds": silent_seconds, "stuck": stuck})

    def ready(self) -> Statement:
        """Return whether the worker accepts work: everything is open, joined and warm, its dependencies and model
        servers answer, and no stop was requested."""
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
            found.append("the event loop does not respond")
        found += [report.problem for report in self.reports().values() if report.problem]
        found += self.server_problems()
        return found + self._unanswered()

    def _unanswered(self) -> list[str]:
        if self.answered_seconds is None or self.monotonic_seconds() - self.answered_seconds > ANSWERS_SECONDS:
            return ["broker and store were not asked of late"]
        return [f"{name} does not answer" for name, answered in self.answers.items() if not answered]


def _details(report: RoleReport) -> dict[str, Any]:
    """Return the part of `/readyz` about one role; an unknown lag is null, and never 0."""
    return {"state": report.state, "lag": report.lag, "stalled_seconds": round(report.stalled_seconds, 1)}
