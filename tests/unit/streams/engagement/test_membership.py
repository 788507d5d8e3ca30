"""Whatever the counting thread waits for, it polls its client meanwhile, and counts nothing over a rebalance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from redis.exceptions import ConnectionError as StoreAway

from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.errors import Reassigned, Stopping
from streams.engagement.group_wait import GroupWait
from streams.engagement.loop_bridge import LoopBridge
from streams.engagement.summaries import ROLE
from tests.fakes import ManualClock
from tests.support.engagement_log import TOPIC, LogClient, LogEvent, events
from tests.support.engagement_role import MemoryStore, NothingRefused

pytestmark = pytest.mark.usefixtures("silent_logs")

UNAVAILABLE = 20
"""Questions that the store does not answer: more than a minute of waits."""


class NoTime(threading.Event):
    """Waits without waiting, and knows how long that was."""

    waited_seconds = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_seconds += timeout or 0.0
        return self.is_set()


class Store(MemoryStore):
    """It answers only once it was asked often enough."""

    num_left = 0

    def __init__(self, stands: dict[int, int | None]) -> None:
        super().__init__(stands)
        self.during_question: Callable[[], object] = lambda: None

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        self.during_question()
        if self.num_left:
            self.num_left -= 1
            raise StoreAway("away")
        return super().positions(partitions)


class Role:
    """A consumer without a thread, with two partitions of which one has moved on."""

    def __init__(self) -> None:
        self.store, self.stopping, self.clock = Store({0: 5, 1: 7}), NoTime(), ManualClock()
        self.client = LogClient({0: events(0, 5, 10), 1: events(1, 7, 10)})
        held = HeldEvents(ROLE, self.clock, max_dead_letters=3, window_seconds=600.0)
        self.wait = GroupWait(self.stopping, self.clock)
        self.joined = 0
        parts = Parts(self.store, NothingRefused(), NothingRefused(), self.clock, self.wait, 60.0, held)  # type: ignore[arg-type]
        self.consumer: Any = EngagementConsumer({}, TOPIC, parts, self.join, lambda: None)
        self.consumer._partitions.client = self.client

    def join(self) -> None:
        self.joined += 1

    def assign(self, *partitions: int) -> None:
        self.consumer._partitions.take(self.client, [TopicPartition(TOPIC, partition) for partition in partitions])

    def rebalance(self, *partitions: int) -> None:
        """What the client calls while it is polled."""
        self.consumer._partitions.give_back(self.client, [])
        self.assign(*partitions)

    def step(self) -> None:
        self.consumer._step()


@pytest.fixture
def role() -> Role:
    return Role()


class TestStoreUnavailable:
    def test_is_waited_for_as_a_member(self, role: Role) -> None:
        """Polled at least every few seconds, with every partition paused, and read on where it was."""
        role.assign(0, 1)
        role.step()
        role.client.log[0] += events(0, 15, 3)
        role.store.num_left = UNAVAILABLE
        role.step()
        assert role.client.num_polls >= UNAVAILABLE / 2
        assert role.stopping.waited_seconds > 10
        assert role.store.stands == {0: 18, 1: 17}
        assert role.client.paused == set()
        role.client.log[1] += events(1, 17, 3)
        role.step()
        assert role.store.stands == {0: 18, 1: 20}

    def test_a_short_wait_keeps_what_was_fetched(self, role: Role) -> None:
        """A pause would throw it away."""
        role.assign(0, 1)
        role.store.num_left = 3
        role.step()
        assert (role.client.num_polls, len(role.store.counted)) == (0, 20)

    def test_a_rebalance_meanwhile_drops_the_batch(self, role: Role) -> None:
        """Both partitions leave, somebody else counts on in one, and that one comes back: it is read from there."""
        role.assign(0, 1)
        role.consumer._partitions.settle()
        role.store.num_left = UNAVAILABLE

        def move() -> None:
            role.store.stands[0] = 12
            role.rebalance(0)

        role.client.during_polls = [lambda: None, move]
        role.step()
        assert role.store.counted == []
        role.step()
        assert role.store.counted == ["v0-12", "v0-13", "v0-14"]
        assert role.store.stands == {0: 15, 1: 7}

    def test_at_the_assignment(self, role: Role) -> None:
        """No callback waits for it: other members would wait for this one. It has joined once it knows its places."""
        role.store.num_left = UNAVAILABLE
        role.assign(0, 1)
        assert (role.joined, role.store.num_left) == (0, UNAVAILABLE)
        role.client.during_polls = [lambda: None, lambda: role.rebalance(1)]
        role.step()
        assert (role.joined, role.client.num_polls > 5) == (1, True)
        assert role.store.stands == {0: 5, 1: 17}

    def test_a_rebalance_that_takes_everything(self, role: Role) -> None:
        """Nothing is counted, and nobody is told that it joined."""
        role.assign(0, 1)
        role.store.num_left = UNAVAILABLE
        role.client.during_polls = [lambda: role.consumer._partitions.give_back(role.client, [])]
        role.step()
        assert (role.joined, role.store.counted, role.client.standing) == (0, [], {})

    def test_a_fatal_error_of_the_client_ends_the_wait(self, role: Role) -> None:
        """It is said once, so it must not be passed over."""
        role.assign(0)
        role.consumer._partitions.settle()
        role.store.num_left = UNAVAILABLE
        fatal = LogEvent(0, -1)
        object.__setattr__(fatal, "error", lambda: KafkaError(KafkaError._FATAL))
        role.client.poll = lambda _seconds: fatal  # type: ignore[assignment, return-value]
        with pytest.raises(KafkaException):
            role.step()

    def test_a_stop_ends_the_wait(self, role: Role) -> None:
        """The batch is redelivered."""
        role.assign(0)
        role.consumer._partitions.settle()
        role.store.num_left = UNAVAILABLE
        role.stopping.set()
        with pytest.raises(Stopping):
            role.step()
        assert role.store.counted == []


class TestLongWork:
    def test_is_done_as_a_member(self, role: Role) -> None:
        """A store that takes half a minute for each answer is polled in addition as well."""
        role.assign(0, 1)
        role.consumer._partitions.settle()
        role.consumer._partitions.held.hold(0, 9, 0.0)  # counted in three parts
        role.store.during_question = lambda: role.clock.advance(30.0)
        role.step()
        role.step()
        assert role.client.num_polls >= 2
        assert role.store.stands == {0: 15, 1: 17}


class TestBroker:
    async def test_a_dead_letter_that_waits_keeps_the_membership(self) -> None:
        """However long the partition of dead letters is unavailable."""
        wait = GroupWait(threading.Event(), ManualClock())
        confirmed = asyncio.Event()
        loop = asyncio.get_running_loop()
        polls: list[int] = []

        def stay() -> None:
            polls.append(1)
            loop.call_soon_threadsafe(confirmed.set)

        wait.stay = stay
        bridge = LoopBridge(loop, Unconfirmed(confirmed), Unconfirmed(confirmed), ManualClock(), wait)  # type: ignore[arg-type]
        await asyncio.to_thread(bridge.refuse, [(FullEvent(0, 1), Failure(cause="c", message="m"))])
        assert polls

    async def test_a_rebalance_ends_the_wait(self) -> None:
        """What was to be said is said by anyone who has the partition now."""
        wait = GroupWait(threading.Event(), ManualClock())

        def stay() -> None:
            raise Reassigned

        wait.stay = stay
        letters = Unconfirmed(asyncio.Event())
        bridge = LoopBridge(asyncio.get_running_loop(), letters, letters, ManualClock(), wait)  # type: ignore[arg-type]
        with pytest.raises(Reassigned):
            await asyncio.to_thread(bridge.refuse, [(FullEvent(0, 1), Failure(cause="c", message="m"))])
        await letters.cancelled.wait()


class FullEvent(LogEvent):
    """With headers, as a dead letter keeps it."""

    def headers(self) -> None:
        return None


class Unconfirmed:
    """Dead letters of which nobody says that they are written."""

    def __init__(self, confirmed: asyncio.Event) -> None:
        self._confirmed = confirmed
        self.cancelled = asyncio.Event()

    async def write(self, record: Any, failure: Failure, role: str) -> None:
        del record, failure, role
        try:
            await self._confirmed.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
