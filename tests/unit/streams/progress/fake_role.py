"""A role and a broker whose words the test sets, and a watch over both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.progress.broker_facts import GroupFacts, Partition, PartitionFacts
from streams.progress.fact_keeper import FactKeeper
from streams.progress.record_finder import RecordFinder
from streams.progress.role_watch import RoleWatch, StallLimits
from streams.progress.states import RoleReport
from streams.progress.watched import HeldRecord, Wait

PLACE: Partition = ("video.uploaded", 0)
OTHER: Partition = ("video.uploaded", 1)
LIMITS = StallLimits(unready_seconds=30, exit_seconds=60, event_seconds=300, overdue_exit_seconds=600)


@dataclass
class FakeRole:
    """See `WatchedRole`."""

    role: str = "intake"
    has_joined: bool = True
    num_delivered: int = 0
    num_finished: int = 0
    positions: dict[Partition, int] = field(default_factory=dict)
    records: list[HeldRecord] = field(default_factory=list)
    wait: Wait | None = None
    threads: Sequence[int] = ()

    def handed_out(self, partition: Partition) -> int | None:
        return self.positions.get(partition)

    def held(self) -> Sequence[HeldRecord]:
        return self.records

    def waits_for(self) -> Wait | None:
        return self.wait

    def thread_ids(self) -> Sequence[int]:
        return self.threads

    def deliver(self, place: Partition, offset: int) -> None:
        """Hand out one record, that is finished at once."""
        self.positions[place] = offset + 1
        self.num_delivered += 1
        self.num_finished += 1


class Bench:
    """A watch over one role, looked at every second, with a broker that is asked every five."""

    def __init__(self, *, committed: int | None = 0, end: int = 37) -> None:
        self.role = FakeRole()
        self.keeper = FactKeeper(self.role.role, 15)
        self.places = {PLACE: PartitionFacts(committed, 0, end)}
        self.is_member = self.is_settled = self.is_answered = True
        self.outage: Wait | None = None
        self.limits = LIMITS
        self.holes: set[int] = set()
        """Offsets that hold no record."""
        self.can_read = True
        self.finder = RecordFinder(self._first)
        self.watch = RoleWatch(self.role, self.keeper, self.finder, lambda: self.outage, lambda: self.limits)
        self._num_looks = 0

    @property
    def report(self) -> RoleReport:
        """What the watch says."""
        return self.watch.report

    async def look(self, seconds: int = 1, *, counted: float = 1.0) -> None:
        """Look so many times; each look counts as so many seconds."""
        for _ in range(seconds):
            if self._num_looks % 5 == 0 and self.is_answered:
                self.keeper.hear(GroupFacts(self.is_settled, self.is_member, self.places if self.is_member else {}))
            self._num_looks += 1
            self.watch.look(counted)
            await self.finder.answer()

    def say(self, committed: int | None, end: int, place: Partition = PLACE) -> None:
        """What the broker says of a partition from its next answer on."""
        self.places = {**self.places, place: PartitionFacts(committed, 0, end)}

    async def _first(self, partition: Partition, offset: int, end: int) -> int | None:
        from streams.progress.broker_facts import FactsUnknown

        if not self.can_read:
            raise FactsUnknown("not now")
        return next((each for each in range(offset, end) if each not in self.holes), None)
