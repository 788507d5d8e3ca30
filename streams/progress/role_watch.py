"""How one role gets on: a judgement at each look, of what the broker says and of what the role has in hand.

A role is stalled where the broker says that it is assigned and behind, it could take more, and nothing is delivered.
A record that the role works on is not undelivered; markers of transactions and holes in the log are no records. What
is unknown, or waits for a named reason, counts for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from streams.progress.broker_facts import GroupFacts, Partition, PartitionFacts
from streams.progress.fact_keeper import FactKeeper
from streams.progress.record_finder import UNKNOWN, RecordFinder
from streams.progress.states import OUTAGES, RoleReport, State
from streams.progress.stopwatch import Stopwatch
from streams.progress.watched import HeldRecord, Wait, WatchedRole

_CONFIRM_SHARE: Final = 1 / 3
"""Of the patience until readiness is lost: from then on it is looked into the log whether records wait, or markers."""


class _Waiting(IntEnum):
    """Whether a record waits that nobody works on."""

    NO = 0
    PERHAPS = 1
    """By the offsets."""
    YES = 2
    """It was seen in the log."""


@dataclass(frozen=True, slots=True)
class StallLimits:
    """How long a role may get nowhere."""

    unready_seconds: float
    """Without a delivery, until the worker is not ready."""
    exit_seconds: float
    """Without a delivery, until it ends."""
    event_seconds: float
    """What one event may take."""
    overdue_exit_seconds: float
    """Without a finished event while one takes longer than that, or a partition stands while others flow."""


class _Standing:
    """One partition that is behind."""

    def __init__(self) -> None:
        self.watch = Stopwatch()
        """Since when nothing of it was delivered or committed."""
        self.waiting = _Waiting.NO


class RoleWatch:
    """Judges one role, again and again.

    Args:
        role: says what it has in hand.
        keeper: what the broker says.
        finder: whether records lie between two offsets.
        outage: broker or store that does not answer, which is asked for beside the role.
        patience: asked at each look, as it grows with repeated exits.
    """

    def __init__(
        self,
        role: WatchedRole,
        keeper: FactKeeper,
        finder: RecordFinder,
        outage: Callable[[], Wait | None],
        patience: Callable[[], StallLimits],
    ) -> None:
        self.role = role
        self.keeper = keeper
        self._finder = finder
        self._outage = outage
        self._patience = patience
        self._undelivered, self._unfinished, self._quiet = Stopwatch(), Stopwatch(), Stopwatch()
        self._standing: dict[Partition, _Standing] = {}
        """Partitions that are behind."""
        self._was_member = self._has_joined_once = False
        self.report = RoleReport("joining", None)
        self.give_up_reason = ""
        """Why the process has to end; empty where it has not."""

    def look(self, seconds: float) -> None:
        """Judge now; the look stands for `seconds` in which the process could have got on."""
        self.keeper.look(seconds)
        facts, held = self.keeper.facts, tuple(self.role.held())
        self._has_joined_once |= self.role.has_joined
        self._was_member |= facts is not None and facts.is_member
        wait = self._outage() or self.role.waits_for()
        waiting = self._look_at_records(seconds, None if wait is not None else facts, held)
        self._undelivered.look(seconds, holds=waiting > _Waiting.NO, mark=self.role.num_delivered)
        self._quiet.look(seconds, holds=True, mark=self.role.num_delivered)
        is_overdue = self._look_at_events(seconds, held, wait)
        self.report = self._report(facts, held, "overdue" if is_overdue else wait, waiting)
        self.give_up_reason = self._reason(waiting, facts, held, is_overdue=is_overdue)

    def _look_at_records(self, seconds: float, facts: GroupFacts | None, held: Iterable[HeldRecord]) -> _Waiting:
        """Whether any record waits that nobody works on, although the role is free to take it."""
        placed = facts is not None and self.keeper.is_settled and facts.is_member and self.role.has_joined
        self._look_at_partitions(seconds, facts.partitions if facts is not None and placed else {}, held)
        if facts is None or not self.keeper.is_settled:
            return _Waiting.NO
        if not facts.is_member:
            # Where it was never seen, the broker may know us by another name.
            return _Waiting.YES if self._was_member else _Waiting.NO
        if not placed:
            return _Waiting.YES if facts.partitions else _Waiting.NO
        return max((each.waiting for each in self._standing.values()), default=_Waiting.NO)

    def _look_at_partitions(
        self, seconds: float, partitions: Mapping[Partition, PartitionFacts], held: Iterable[HeldRecord]
    ) -> None:
        offsets: defaultdict[Partition, set[int]] = defaultdict(set)
        for record in held:
            offsets[record.partition].add(record.offset)
        behind = {place: facts for place, facts in partitions.items() if facts.lag}
        self._standing = {place: self._standing.get(place) or _Standing() for place in behind}
        for place, facts in behind.items():
            standing, handed_out = self._standing[place], self.role.handed_out(place)
            look_closely = max(standing.watch.seconds, self._undelivered.seconds) >= self._close_seconds
            standing.waiting = self._waiting(place, facts, handed_out, offsets[place], look_closely=look_closely)
            mark = (facts.next_offset, handed_out)
            standing.watch.look(seconds, holds=standing.waiting > _Waiting.NO, mark=mark)

    @property
    def _close_seconds(self) -> float:
        return self._patience().unready_seconds * _CONFIRM_SHARE

    def _waiting(
        self, place: Partition, facts: PartitionFacts, handed_out: int | None, held: set[int], *, look_closely: bool
    ) -> _Waiting:
        """Whether a record of the partition is neither finished nor in work."""
        delivered = max(handed_out or 0, facts.next_offset)
        if not look_closely:
            is_in_work = delivered >= facts.end and any(offset >= facts.next_offset for offset in held)
            return _Waiting.NO if is_in_work else _Waiting.PERHAPS
        first = self._finder.first(place, facts.next_offset, facts.end)
        if isinstance(first, int) and first in held:  # it holds the committed offset; what lies behind it?
            first = self._finder.first(place, max(delivered, first + 1), facts.end)
        if first is None:
            return _Waiting.NO
        return _Waiting.PERHAPS if first == UNKNOWN else _Waiting.YES

    def _look_at_events(self, seconds: float, held: Iterable[HeldRecord], wait: Wait | None) -> bool:
        """Whether an event is in work beyond its limit, and waits for nothing that has a name."""
        in_work = [record for record in held if not record.is_deferred] if wait in (None, "slots-taken") else []
        self._unfinished.look(seconds, holds=bool(in_work), mark=self.role.num_finished)
        return any(record.work_seconds > self._patience().event_seconds for record in in_work)

    def _report(
        self, facts: GroupFacts | None, held: tuple[HeldRecord, ...], wait: State | None, waiting: _Waiting
    ) -> RoleReport:
        lag = None if facts is None else facts.lag
        seconds = self._undelivered.seconds
        if waiting is _Waiting.YES and seconds >= self._patience().unready_seconds:
            words = f"role {self.role.role} is stalled: {lag} records behind, nothing delivered for {seconds:.0f} s"
            return RoleReport("stalled", lag, seconds, words)
        problem = self._lost_place(facts) or self._paused_itself(wait)
        return RoleReport(self._state(facts, held, wait), lag, problem=problem)

    def _paused_itself(self, wait: State | None) -> str:
        if wait != "dead-letter-limit":
            return ""
        return f"role {self.role.role} is paused: too many dead letters by faults of our own, see its log"

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
        """Whether anything was delivered of late."""
        return self.role.num_delivered > 0 and self._quiet.seconds < self._patience().unready_seconds

    def _reason(
        self, waiting: _Waiting, facts: GroupFacts | None, held: tuple[HeldRecord, ...], *, is_overdue: bool
    ) -> str:
        patience, name = self._patience(), self.role.role
        records = f"{len(held) if facts is None else facts.lag} records wait"
        if waiting is _Waiting.YES and self._undelivered.seconds >= patience.exit_seconds:
            return f"{name} was delivered nothing for {patience.exit_seconds:g} s, and {records}"
        if is_overdue and self._unfinished.seconds >= patience.overdue_exit_seconds:
            return f"{name} finished nothing for {patience.overdue_exit_seconds:g} s, and {records}"
        longest_seconds = max(patience.overdue_exit_seconds, patience.exit_seconds)
        for (topic, number), standing in self._standing.items():
            if standing.waiting is _Waiting.YES and standing.watch.seconds >= longest_seconds:
                return f"{name} stands still in partition {number} of {topic}, and {records}"
        return ""
