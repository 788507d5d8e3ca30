"""Progress of one role: combines the broker's state with the role's own events at each check.

A role is stalled if the broker says that it is assigned and behind, it has capacity, and nothing is delivered. Records
in progress, transaction markers and holes in the log do not count as undelivered. While the state is unknown, or the
role waits for a named reason, no time counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from schemas.counted import counted
from streams.progress.broker_facts import GroupFacts, Partition, PartitionFacts
from streams.progress.fact_keeper import FactKeeper
from streams.progress.record_finder import UNKNOWN, RecordFinder
from streams.progress.states import OUTAGES, RoleReport, State
from streams.progress.stopwatch import Stopwatch
from streams.progress.watched import HeldRecord, Wait, WatchedRole

_CONFIRM_SHARE: Final = 1 / 3
"""Share of the time until readiness is lost, after which the log is read to distinguish waiting records from
markers."""


class _HasWaiting(IntEnum):
    """Whether a record waits that is not in progress."""

    NO = 0
    PERHAPS = 1
    """According to the offsets."""
    YES = 2
    """A record was found in the log."""


@dataclass(frozen=True, slots=True)
class StallLimits:
    """How long a role may make no progress."""

    unready_seconds: float
    """Time without a delivery until the worker is not ready."""
    exit_seconds: float
    """Time without a delivery until the worker exits."""
    event_seconds: float
    """Time limit of one event."""
    overdue_exit_seconds: float
    """Time without a finished event while one exceeds its limit, or without progress of one partition while others
    progress."""


class _StalledPartition:
    """One partition that is behind."""

    def __init__(self) -> None:
        self.watch = Stopwatch()
        """Time since a record of it was delivered or committed."""
        self.waiting = _HasWaiting.NO


class RoleWatch:
    """Evaluates one role at each check.

    Args:
        role: its events in flight.
        keeper: the broker's answers.
        finder: whether records exist between two offsets.
        outage: the broker or store that does not answer, checked separately from the role.
        limits: called at each check, because it grows with repeated exits.
    """

    def __init__(
        self,
        role: WatchedRole,
        keeper: FactKeeper,
        finder: RecordFinder,
        outage: Callable[[], Wait | None],
        limits: Callable[[], StallLimits],
    ) -> None:
        self.role = role
        self.keeper = keeper
        self._finder = finder
        self._outage = outage
        self._limits = limits
        self._undelivered, self._unfinished, self._quiet = Stopwatch(), Stopwatch(), Stopwatch()
        self._standing: dict[Partition, _StalledPartition] = {}
        """Partitions that are behind."""
        self._was_member = self._has_joined_once = False
        self.report = RoleReport("joining", None)
        self.give_up_reason = ""
        """Why the process must exit; empty if it need not."""

    def look(self, seconds: float) -> None:
        """Evaluate now; the check represents `seconds` in which the process could have made progress."""
        self.keeper.look(seconds)
        facts, held = self.keeper.facts, tuple(self.role.held())
        self._has_joined_once |= self.role.has_joined
        self._was_member |= facts is not None and facts.is_member
        wait = self._outage() or self.role.waits_for()
        waiting = self._look_at_records(seconds, None if wait is not None else facts, held)
        self._undelivered.look(seconds, holds=waiting > _HasWaiting.NO, mark=self.role.num_delivered)
        self._quiet.look(seconds, holds=True, mark=self.role.num_delivered)
        is_overdue = self._look_at_events(seconds, held, wait)
        self.report = self._report(facts, held, "overdue" if is_overdue else wait, waiting)
        self.give_up_reason = self._reason(waiting, facts, held, is_overdue=is_overdue)

    def _look_at_records(self, seconds: float, facts: GroupFacts | None, held: Iterable[HeldRecord]) -> _HasWaiting:
        """Return whether a record waits that is not in progress although the role has capacity."""
        placed = facts is not None and self.keeper.is_settled and facts.is_member and self.role.has_joined
        self._look_at_partitions(seconds, facts.partitions if facts is not None and placed else {}, held)
        if facts is None or not self.keeper.is_settled:
            return _HasWaiting.NO
        if not facts.is_member:
            # If the member was never seen, the broker may know it by another name.
            return _HasWaiting.YES if self._was_member else _HasWaiting.NO
        if not placed:
            return _HasWaiting.YES if facts.partitions else _HasWaiting.NO
        return max((each.waiting for each in self._standing.values()), default=_HasWaiting.NO)

    def _look_at_partitions(
        self, seconds: float, partitions: Mapping[Partition, PartitionFacts], held: Iterable[HeldRecord]
    ) -> None:
        offsets: defaultdict[Partition, set[int]] = defaultdict(set)
        for record in held:
            offsets[record.partition].add(record.offset)
        behind = {place: facts for place, facts in partitions.items() if facts.lag}
        self._standing = {place: self._standing.get(place) or _StalledPartition() for place in behind}
        for place, facts in behind.items():
            standing, handed_out = self._standing[place], self.role.handed_out(place)
            look_closely = max(standing.watch.seconds, self._undelivered.seconds) >= self._close_seconds
            standing.waiting = self._waiting(place, facts, handed_out, offsets[place], look_closely=look_closely)
            mark = (facts.next_offset, handed_out)
            standing.watch.look(seconds, holds=standing.waiting > _HasWaiting.NO, mark=mark)

    @property
    def _close_seconds(self) -> float:
        return self._limits().unready_seconds * _CONFIRM_SHARE

    def _waiting(
        self, place: Partition, facts: PartitionFacts, handed_out: int | None, held: set[int], *, look_closely: bool
    ) -> _HasWaiting:
        """Return whether a record of the partition is neither finished nor in progress."""
        delivered = max(handed_out or 0, facts.next_offset)
        if not look_closely:
            is_in_work = delivered >= facts.end and any(offset >= facts.next_offset for offset in held)
            return _HasWaiting.NO if is_in_work else _HasWaiting.PERHAPS
        first = self._finder.first(place, facts.next_offset, facts.end)
        if isinstance(first, int) and first in held:  # the committed offset itself is in progress
            first = self._finder.first(place, max(delivered, first + 1), facts.end)
        if first is None:
            return _HasWaiting.NO
        return _HasWaiting.PERHAPS if first == UNKNOWN else _HasWaiting.YES

    def _look_at_events(self, seconds: float, held: Iterable[HeldRecord], wait: Wait | None) -> bool:
        """Return whether an event exceeds its limit without waiting for a named reason."""
        in_work = [record for record in held if not record.is_deferred] if wait in (None, "slots-taken") else []
        self._unfinished.look(seconds, holds=bool(in_work), mark=self.role.num_finished)
        return any(record.work_seconds > self._limits().event_seconds for record in in_work)

    def _report(
        self, facts: GroupFacts | None, held: tuple[HeldRecord, ...], wait: State | None, waiting: _HasWaiting
    ) -> RoleReport:
        lag = None if facts is None else facts.lag
        seconds = self._undelivered.seconds
        if waiting is _HasWaiting.YES and seconds >= self._limits().unready_seconds:
            words = f"role {self.role.role} is stalled: {lag} records behind, nothing delivered for {seconds:.0f} s"
            return RoleReport("stalled", lag, seconds, words)
        problem = self._lost_place(facts) or self._paused_itself(wait)
        return RoleReport(self._state(facts, held, wait), lag, problem=problem)

    def _paused_itself(self, wait: State | None) -> str:
        if wait != "dead-letter-limit":
            return ""
        return f"role {self.role.role} is paused: too many dead letters by internal faults, see its log"

    def _lost_place(self, facts: GroupFacts | None) -> str:
        is_lost = facts is not None and self.keeper.is_settled and self._was_member and not facts.is_member
        return f"role {self.role.role} has lost its place in its group" if is_lost else ""

    def _state(self, facts: GroupFacts | None, held: tuple[HeldRecord, ...], wait: State | None) -> State:
        if not self._has_joined_once:
            return "joining"
        if not self.role.has_joined or self._lost_place(facts) or not self.keeper.is_settled:
            return wait if wait in OUTAGES else "rebalancing"
        if wait is not None:
            return wait
        if held:
            return self._working_state(held)
        if facts is None:
            return "flowing" if self._flows else "unknown"
        return "flowing" if facts.lag else "idle"

    def _working_state(self, held: tuple[HeldRecord, ...]) -> State:
        if all(record.is_deferred for record in held):
            return "source-unavailable"
        return "flowing" if self._flows else "working"

    @property
    def _flows(self) -> bool:
        """Whether anything was delivered recently."""
        return self.role.num_delivered > 0 and self._quiet.seconds < self._limits().unready_seconds

    def _reason(
        self, waiting: _HasWaiting, facts: GroupFacts | None, held: tuple[HeldRecord, ...], *, is_overdue: bool
    ) -> str:
        limits, name = self._limits(), self.role.role
        number = len(held) if facts is None else facts.lag
        records = f"{counted(number, 'record')} {'waits' if number == 1 else 'wait'}"
        if waiting is _HasWaiting.YES and self._undelivered.seconds >= limits.exit_seconds:
            return f"{name} was delivered nothing for {limits.exit_seconds:g} s, and {records}"
        if is_overdue and self._unfinished.seconds >= limits.overdue_exit_seconds:
            return f"{name} finished nothing for {limits.overdue_exit_seconds:g} s, and {records}"
        longest_seconds = max(limits.overdue_exit_seconds, limits.exit_seconds)
        for (topic, number), standing in self._standing.items():
            if standing.waiting is _HasWaiting.YES and standing.watch.seconds >= longest_seconds:
                return f"{name} makes no progress in partition {number} of {topic}, and {records}"
        return ""
