"""What a worker remembers of the store's word, and for how long an absence speaks against the store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.store.rollback_detector import WATCH_SECONDS, RollbackDetector, StoreRolledBack
from tests.fakes import ManualClock

DAY_SECONDS = 86_400.0


class Connection:
    """Answers as a store that holds one place for every state, and some applied offsets."""

    def __init__(self, place: tuple[bytes | None, bytes | None], **applied: int) -> None:
        self._place = place
        self._applied = applied
        self._asked: list[str] = []

    async def on_connect(self) -> None:
        return None

    async def send_command(self, *words: Any) -> None:
        self._asked = list(words)

    async def read_response(self) -> Any:
        if self._asked[0] == "HMGET":
            return self._place
        assert self._asked[0] == "MGET"
        return await self.mget(self._asked[1:])

    async def mget(self, keys: list[str]) -> list[bytes | None]:
        """As a client answers that is connected for long."""
        return [str(self._applied[key]).encode() if key in self._applied else None for key in keys]


GONE = Connection((None, None))
OLDER = Connection((b"0", b"6"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rollback_detector(clock: ManualClock) -> RollbackDetector:
    made = RollbackDetector(clock)
    made.confirm("state", (0, 7))
    return made


class TestGreet:
    async def test_a_state_that_was_just_written_is_missed(self, rollback_detector: RollbackDetector) -> None:
        """No state ends within half a day of its last fold."""
        with pytest.raises(StoreRolledBack, match="now has None"):
            await rollback_detector.check_connection(GONE)

    async def test_a_state_that_may_have_ended_is_not_missed(
        self, rollback_detector: RollbackDetector, clock: ManualClock
    ) -> None:
        """A guard or a video came to its end while this worker had nothing to fold."""
        clock.advance(DAY_SECONDS)
        await rollback_detector.check_connection(GONE)
        with pytest.raises(StoreRolledBack):
            await rollback_detector.check_connection(OLDER)

    async def test_an_older_state_speaks_for_ever(
        self, rollback_detector: RollbackDetector, clock: ManualClock
    ) -> None:
        """A state is removed as a whole; one that is behind was never removed."""
        clock.advance(100 * DAY_SECONDS)
        with pytest.raises(StoreRolledBack, match="now has \\(0, 6\\)"):
            await rollback_detector.check_connection(OLDER)

    async def test_a_later_fold_restarts_the_time(
        self, rollback_detector: RollbackDetector, clock: ManualClock
    ) -> None:
        """What counts is when the store last gave its word."""
        clock.advance(DAY_SECONDS)
        rollback_detector.confirm("state", (0, 8))
        with pytest.raises(StoreRolledBack):
            await rollback_detector.check_connection(GONE)


class TestAppliedOffsets:
    """What a partition's progress was when this worker took it over, and since."""

    @pytest.mark.parametrize(("found", "said"), [({}, "now has None"), ({"p": 9}, "now has 9")])
    async def test_a_worker_that_has_folded_nothing_misses_it(
        self, clock: ManualClock, found: dict[str, int], said: str
    ) -> None:
        """An emptied or older store is refused by the first connection, before anything is written."""
        idle = RollbackDetector(clock)
        idle.take({"p": 10})
        with pytest.raises(StoreRolledBack, match=said):
            await idle.check_connection(Connection((None, None), **found))

    async def test_a_store_as_far_or_further_is_used_on(self, clock: ManualClock) -> None:
        """Another worker or a rebuild may have gone on; a partition that was never written has nothing to lose."""
        idle = RollbackDetector(clock)
        idle.take({"p": 10, "q": 3})
        await idle.check_connection(Connection((None, None), p=10, q=12))
        with pytest.raises(StoreRolledBack, match="now has 9"):
            await idle.check_connection(Connection((None, None), p=9, q=12))
        RollbackDetector(clock).take({})
        await RollbackDetector(clock).check_connection(GONE)

    async def test_progress_raises_what_is_asked_for(self, clock: ManualClock) -> None:
        """What is known never sinks, in whatever order answers come."""
        idle = RollbackDetector(clock)
        idle.take({"p": 10})
        for offset in (14, 12):
            idle.reach("p", offset)
        with pytest.raises(StoreRolledBack, match="confirmed 14"):
            await idle.check_connection(Connection((None, None), p=13))

    async def test_partitions_that_went_elsewhere_are_not_asked_after(self, clock: ManualClock) -> None:
        """What counts is the latest assignment."""
        moved = RollbackDetector(clock)
        moved.take({"p": 10})
        moved.take({"q": 2})
        await moved.check_connection(Connection((None, None), q=2))
        with pytest.raises(StoreRolledBack, match="now has 1"):
            await moved.check_connection(Connection((None, None), p=10, q=1))

    async def test_a_store_that_forgets_behind_open_connections_is_noticed(self, clock: ManualClock) -> None:
        """Nobody folds, nobody connects: the watch asks all the same."""
        idle = RollbackDetector(clock)
        idle.take({"p": 10})
        store: Any = Connection((None, None), p=10)
        watch = asyncio.ensure_future(idle.watch(store))
        await clock.wait_for_sleepers(1)
        clock.advance(WATCH_SECONDS)
        await clock.wait_for_sleepers(1)
        store._applied.clear()  # as FLUSHALL does
        clock.advance(WATCH_SECONDS)
        with pytest.raises(StoreRolledBack, match="now has None"):
            await watch
