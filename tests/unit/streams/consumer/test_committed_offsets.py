"""Whatever the order of acks, rebalances and holes in the log: no commit passes unfinished work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import find, given, settings
from hypothesis import strategies as st

from tests.unit.streams.delivery.offset_subjects import OffsetSubject, StockSubject, TrackedSubject

LOG = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 16]
"""Offsets of a log with holes, as compaction and transactions leave them."""

ACTIONS = st.lists(
    st.one_of(
        st.just(("deliver", 0)),
        st.tuples(st.just("finish"), st.integers(0, len(LOG) - 1)),
        st.just(("commit", 0)),
        st.just(("rebalance", 0)),
    ),
    max_size=60,
)


@dataclass
class Reader:
    """Drives a subject through a log and keeps the truth next to it."""

    subject: OffsetSubject
    position: int = 0
    """Index in the log of what is delivered next."""
    committed: int | None = None
    finished: set[int] = field(default_factory=set)
    running: list[tuple[int, Any]] = field(default_factory=list)
    """Work that has not ended, of earlier generations too."""

    def loses(self, actions: list[tuple[str, int]]) -> bool:
        """Say whether some commit passes an offset whose work was never finished."""
        self.subject.begin(None)
        return any(self._act(action, argument) for action, argument in actions)

    def _act(self, action: str, argument: int) -> bool:
        if action == "deliver" and self.position < len(LOG):
            offset = LOG[self.position]
            self.position += 1
            self.running.append((offset, self.subject.deliver(offset)))
        elif action == "finish" and self.running:
            offset, delivered = self.running.pop(argument % len(self.running))
            self.finished.add(offset)
            self.subject.finish(delivered)
        elif action == "commit":
            return self._commit()
        elif action == "rebalance":
            self.subject.begin(self.committed)
            self.position = sum(offset < (self.committed or 0) for offset in LOG)
        return False

    def _commit(self) -> bool:
        offset = self.subject.commit()
        self.committed = offset if offset is not None else self.committed
        return any(passed not in self.finished for passed in LOG if passed < (self.committed or 0))


class TestCommittedOffsets:
    @settings(max_examples=500, deadline=None)
    @given(ACTIONS)
    def test_never_pass_unfinished_work(self, actions: list[tuple[str, int]]) -> None:
        """Every offset below a committed one was finished, in any order, across rebalances and holes."""
        assert Reader(TrackedSubject()).loses(actions) is False

    @settings(max_examples=200, deadline=None)
    @given(st.permutations(LOG))
    def test_reach_the_end_when_all_is_finished(self, order: list[int]) -> None:
        """When everything that was delivered is finished, in whatever order, all of it is committed."""
        subject = TrackedSubject()
        subject.begin(None)
        delivered = {offset: subject.deliver(offset) for offset in LOG}
        for offset in order:
            subject.finish(delivered[offset])
        assert subject.commit() == LOG[-1] + 1

    def test_stock_faust_still_loses(self) -> None:
        """Stock Faust fails the same property; when this fails, upstream has fixed it and ours may go."""
        actions = find(ACTIONS, lambda actions: Reader(StockSubject()).loses(actions))
        assert Reader(TrackedSubject()).loses(actions) is False
