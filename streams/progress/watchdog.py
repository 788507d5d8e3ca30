"""A worker with work and without progress is not ready, and then exits, so that a supervisor can start another.

It checks every second and counts checks, each by the share of time in which the role's threads could run. A check
during which the worker's event loop did not run counts as zero. So a process that was suspended, or that gets no CPU
time, does not count as stuck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, get_args

from streams.observability import metrics
from streams.progress.cpu_share import CpuShare
from streams.progress.fact_keeper import FactKeeper
from streams.progress.outages import Outages
from streams.progress.record_finder import RecordFinder
from streams.progress.role_watch import RoleWatch, StallLimits
from streams.progress.states import RoleReport, State
from streams.progress.watched import Wait, WatchedRole

LOOK_SECONDS: Final = 1.0
FACTS_SECONDS: Final = 15.0
"""Validity of an answer of the broker."""
MOST_DOUBLINGS: Final = 4
"""Maximum number of times that the exit time is doubled, once for each recent exit."""
_HEALTHY_SECONDS: Final = 600.0
"""Time without a stall, after which earlier exits are forgotten."""


class Watchdog:
    """Checks all roles of a worker.

    Args:
        limits: for a worker without recent exits.
        outages: of broker and store.
        finder: whether records exist between two offsets.
        cpu_share: share of time in which the roles' threads could run.
    """

    def __init__(self, limits: StallLimits, outages: Outages, finder: RecordFinder, cpu_share: CpuShare) -> None:
        self._limits = limits
        self._outages = outages
        self._finder = finder
        self._cpu_share = cpu_share
        self._watches: list[RoleWatch] = []
        self._healthy_seconds = 0.0
        self.num_recent_exits = 0
        """Recent exits of stalled workers on this machine; each doubles the time before the next exit."""

    @property
    def keepers(self) -> list[FactKeeper]:
        """The broker's answers, one keeper for each role."""
        return [watch.keeper for watch in self._watches]

    @property
    def reports(self) -> dict[str, RoleReport]:
        """Progress of each role; callable from any thread."""
        return {watch.role.role: watch.report for watch in tuple(self._watches)}

    @property
    def stuck(self) -> tuple[str, ...]:
        """Roles for which the process must exit."""
        return tuple(watch.role.role for watch in tuple(self._watches) if watch.give_up_reason)

    @property
    def give_up_reason(self) -> str:
        """Why the process must exit; empty if it need not."""
        return next((watch.give_up_reason for watch in self._watches if watch.give_up_reason), "")

    @property
    def is_well_again(self) -> bool:
        """Whether there are recent exits, and nothing was stalled for long enough since."""
        return self.num_recent_exits > 0 and self._healthy_seconds >= _HEALTHY_SECONDS

    def watch(self, role: WatchedRole) -> None:
        """Watch this role as well."""
        keeper = FactKeeper(role.role, FACTS_SECONDS)
        outage: Callable[[], Wait | None] = lambda: (  # noqa: E731
            "broker-unavailable" if keeper.is_broker_unavailable else self._outages.current()
        )
        self._watches.append(RoleWatch(role, keeper, self._finder, outage, self._current_limits))

    def look(self, elapsed_seconds: float, *, has_loop_turned: bool = True) -> None:
        """Check all roles.

        Args:
            elapsed_seconds: time since the last check, by a clock.
            has_loop_turned: whether the worker's event loop ran since then; if not, no role could make progress, and
                the check counts as zero. The heartbeat detects a loop that is blocked for long.
        """
        self._outages.look()
        for watch in tuple(self._watches):
            share = self._cpu_share.since_last(watch.role.thread_ids(), elapsed_seconds)
            watch.look(LOOK_SECONDS * share * has_loop_turned)
            _show(watch)
        is_well = not any(report.stalled_seconds for report in self.reports.values())
        self._healthy_seconds = self._healthy_seconds + LOOK_SECONDS if is_well else 0.0

    def close(self) -> None:
        """Remove the metrics: another worker reports the partitions from now on."""
        for watch in self._watches:
            watch.keeper.forget()

    def _current_limits(self) -> StallLimits:
        doublings = min(self.num_recent_exits, MOST_DOUBLINGS)
        return replace(self._limits, exit_seconds=self._limits.exit_seconds * 2**doublings)


def _show(watch: RoleWatch) -> None:
    role, report = watch.role.role, watch.report
    metrics.ROLE_STALLED_SECONDS.labels(role).set(report.stalled_seconds)
    for state in get_args(State):
        metrics.ROLE_STATE.labels(role, state).set(state == report.state)
