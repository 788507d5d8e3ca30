"""A worker that has work and gets nowhere is not ready, and then ends itself, loudly: a supervisor can start another.

It looks every second and counts looks, each by the share of it in which the role's threads could run, and none in which
the worker's event loop did not turn: a process that was suspended, or that gets no CPU, is not taken for stuck.
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
"""How long an answer of the broker counts."""
MOST_DOUBLINGS: Final = 4
"""Of the patience before an exit, one for each exit that is remembered."""
_HEALTHY_SECONDS: Final = 600.0
"""Without a stall, after which earlier exits are forgotten."""


class Watchdog:
    """Looks at all roles of a worker.

    Args:
        patience: with a worker that was not ended before.
        outages: broker and store.
        finder: whether records lie between two offsets.
        cpu_share: how much of the time the roles' threads could run.
    """

    def __init__(self, patience: StallLimits, outages: Outages, finder: RecordFinder, cpu_share: CpuShare) -> None:
        self._patience = patience
        self._outages = outages
        self._finder = finder
        self._cpu_share = cpu_share
        self._watches: list[RoleWatch] = []
        self._healthy_seconds = 0.0
        self.num_recent_exits = 0
        """Of workers of this machine that were stuck; each doubles the patience before the next exit."""

    @property
    def keepers(self) -> list[FactKeeper]:
        """What the broker says of each role."""
        return [watch.keeper for watch in self._watches]

    @property
    def reports(self) -> dict[str, RoleReport]:
        """How each role gets on; may be asked from any thread."""
        return {watch.role.role: watch.report for watch in tuple(self._watches)}

    @property
    def stuck(self) -> tuple[str, ...]:
        """Roles for which the process has to end."""
        return tuple(watch.role.role for watch in tuple(self._watches) if watch.give_up_reason)

    @property
    def give_up_reason(self) -> str:
        """Why the process has to end; empty where it has not."""
        return next((watch.give_up_reason for watch in self._watches if watch.give_up_reason), "")

    @property
    def is_well_again(self) -> bool:
        """Exits are remembered, and nothing was stalled for long enough since."""
        return self.num_recent_exits > 0 and self._healthy_seconds >= _HEALTHY_SECONDS

    def watch(self, role: WatchedRole) -> None:
        """Look at this role, too."""
        keeper = FactKeeper(role.role, FACTS_SECONDS)
        outage: Callable[[], Wait | None] = lambda: (  # noqa: E731
            "broker-unavailable" if keeper.is_broker_unavailable else self._outages.current()
        )
        self._watches.append(RoleWatch(role, keeper, self._finder, outage, self._current_patience))

    def look(self, elapsed_seconds: float, *, has_loop_turned: bool = True) -> None:
        """Judge all roles.

        Args:
            elapsed_seconds: since the last look, by a clock.
            has_loop_turned: whether the worker's event loop did anything since; where it did not, no role could get
                on, and the look counts for nothing. A loop that stands still for long is the heartbeat's business.
        """
        self._outages.look()
        for watch in tuple(self._watches):
            share = self._cpu_share.since_last(watch.role.thread_ids(), elapsed_seconds)
            watch.look(LOOK_SECONDS * share * has_loop_turned)
            _show(watch)
        is_well = not any(report.stalled_seconds for report in self.reports.values())
        self._healthy_seconds = self._healthy_seconds + LOOK_SECONDS if is_well else 0.0

    def close(self) -> None:
        """Another worker shows the partitions from here on."""
        for watch in self._watches:
            watch.keeper.forget()

    def _current_patience(self) -> StallLimits:
        doublings = min(self.num_recent_exits, MOST_DOUBLINGS)
        return replace(self._patience, exit_seconds=self._patience.exit_seconds * 2**doublings)


def _show(watch: RoleWatch) -> None:
    role, report = watch.role.role, watch.report
    metrics.ROLE_STALLED_SECONDS.labels(role).set(report.stalled_seconds)
    for state in get_args(State):
        metrics.ROLE_STATE.labels(role, state).set(state == report.state)
