"""Events whose media is unavailable: out of their slots, back when it makes sense, given up after the timeout."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from operators.errors import SourceUnavailable, SpoolFull
from schemas.facts import Failure
from streams.delivery.admission import Slot
from streams.delivery.breaker import Breakers
from streams.delivery.deferred_events import DeferredEvents
from streams.record import Record
from tests.fakes import ManualClock
from tests.support.one_role import OneRole, settled

AGENTS = ("frames", "audio", "context")
TIMEOUT_SECONDS = 86_400.0


@dataclass
class World:
    """Which origins are unavailable; events of an odd offset are of the origin `odd`, others of `even`."""

    unavailable: set[str] = field(default_factory=set)
    is_disk_full: bool = False
    opened: list[int] = field(default_factory=list)
    """Offsets whose media was asked for, once a session."""
    done: list[tuple[str, int]] = field(default_factory=list)
    failed: list[tuple[str, int, str]] = field(default_factory=list)

    def origin(self, offset: int) -> str:
        return "odd" if offset % 2 else "even"


class MediaWork:
    """An agent as the media role has them: one shared session a slot; `context` never looks at the media."""

    def __init__(self, agent: str, world: World, breakers: Breakers) -> None:
        self._agent = agent
        self._world = world
        self._breakers = breakers

    async def run(self, record: Record, slot: Slot) -> None:
        if self._agent != "context":
            await slot.once("session", lambda: self._open(record.place.offset))
        self._world.done.append((self._agent, record.place.offset))

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        self._world.failed.append((self._agent, record.place.offset, failure.cause))

    async def _open(self, offset: int) -> None:
        origin = self._world.origin(offset)
        self._breakers.require(origin)
        self._world.opened.append(offset)
        if self._world.is_disk_full:
            raise SpoolFull("spool", "full")
        if origin in self._world.unavailable:
            self._breakers.failed(origin)
            raise SourceUnavailable(origin, "no answer")
        self._breakers.answered(origin)


class App(OneRole):
    """Three agents of one role."""

    def __init__(self, *, slots: int = 2, capacity: int = 8) -> None:
        clock = ManualClock()
        self.world = World()
        self.breakers = Breakers(clock)
        self.deferred_events = DeferredEvents(self.breakers, clock, capacity=capacity, timeout_seconds=TIMEOUT_SECONDS)
        works = {agent: MediaWork(agent, self.world, self.breakers) for agent in AGENTS}
        super().__init__(works, clock, slots=slots, deferred_events=self.deferred_events)


@pytest.fixture
def app() -> App:
    """Two slots, room to park eight."""
    return App()


class TestDeferral:
    async def test_an_event_waits_without_its_slot(self, app: App) -> None:
        """The slot is free, the agent that needs no media is through, and the offset is kept."""
        app.world.unavailable = {"odd"}
        await app.publish([1])
        assert (app.admission.num_slots, app.deferred_events.num_deferred, app.committable) == (0, 1, None)
        assert app.world.done == [("context", 1)]
        await app.close()

    async def test_it_comes_back_when_the_origin_does(self, app: App) -> None:
        """Every agent that wanted the media gets it, once; the one that was through is not asked again."""
        app.world.unavailable = {"odd"}
        await app.publish([1])
        app.world.unavailable = set()
        await app.pass_time(30, 5)
        assert sorted(app.world.done) == [("audio", 1), ("context", 1), ("frames", 1)]
        assert (app.committable, app.deferred_events.num_deferred, app.admission.num_slots) == (2, 0, 0)
        assert not app.fatal_error.happened.is_set()

    async def test_a_dead_origin_holds_nobody_up(self, app: App) -> None:
        """Among many events of an origin that is unavailable, those of others get through, with two slots."""
        app.world.unavailable = {"odd"}
        await app.publish(range(14))
        await app.pass_time(300, 5)
        assert {offset for agent, offset in app.world.done if agent == "frames"} == set(range(0, 14, 2))
        assert app.deferred_events.num_deferred == 7
        await app.close()

    async def test_an_open_breaker_spares_the_origin(self, app: App) -> None:
        """Seven events wait for an hour; the origin is asked about once a minute, not seven times."""
        app.world.unavailable = {"odd"}
        await app.publish([1, 3, 5, 7, 9, 11, 13])
        await app.pass_time(600, 5)
        asked = len(app.world.opened)
        await app.pass_time(3600, 5)
        assert 60 <= len(app.world.opened) - asked <= 130
        app.world.unavailable = set()
        await app.pass_time(120, 5)
        assert app.committable == 14
        assert app.deferred_events.num_deferred == 0

    async def test_beyond_its_capacity_events_keep_their_slots(self) -> None:
        """Four are deferred, two wait in the two slots, others stay in Kafka; all finish when the origin is back."""
        app = App(capacity=4)
        app.world.unavailable = {"odd"}
        await app.publish(range(1, 30, 2))
        await app.pass_time(300, 5)
        assert app.deferred_events.is_crowded
        assert (app.admission.num_slots, app.deferred_events.num_deferred) == (2, 6)
        assert len({offset for _, offset in app.world.done}) <= 6
        app.world.unavailable = set()
        await app.pass_time(300, 5)
        assert {offset for agent, offset in app.world.done if agent == "audio"} == set(range(1, 30, 2))
        assert (app.deferred_events.num_deferred, app.deferred_events.is_crowded, app.admission.num_slots) == (
            0,
            False,
            0,
        )

    async def test_a_full_disk_is_waited_for(self, app: App) -> None:
        """No breaker opens for it: others of the same origin may find room."""
        app.world.is_disk_full = True
        await app.publish([2])
        await app.pass_time(60, 5)
        assert (app.breakers.num_open, app.deferred_events.num_deferred) == (0, 1)
        app.world.is_disk_full = False
        await app.pass_time(120, 5)
        assert app.committable == 3

    async def test_the_timeout_ends_it(self, app: App) -> None:
        """A day after its upload the event is answered, by each agent that wanted the media."""
        app.world.unavailable = {"odd"}
        await app.publish([1])
        await app.pass_time(TIMEOUT_SECONDS - 120, 60)
        assert app.world.failed == []
        await app.pass_time(600, 60)
        assert sorted(app.world.failed) == [("audio", 1, "media-source-away"), ("frames", 1, "media-source-away")]
        assert (app.committable, app.deferred_events.num_deferred) == (2, 0)

    async def test_a_late_event_gets_some_time(self, app: App) -> None:
        """An event that lay in the log for two days is not given up for a moment's outage."""
        app.clock.advance(2 * TIMEOUT_SECONDS)
        app.world.unavailable = {"odd"}
        await app.publish([1])
        await app.pass_time(300, 5)
        app.world.unavailable = set()
        await app.pass_time(120, 5)
        assert (app.world.failed, app.committable) == ([], 2)

    async def test_a_rebalance_ends_the_wait(self, app: App) -> None:
        """Deferred events hold no drain up; they return with the next generation, and are worked on once."""
        app.world.unavailable = {"odd"}
        await app.publish([1])
        app.admission.suspend()
        await settled()
        assert (app.admission.num_running, app.deferred_events.num_deferred, app.committable) == (0, 0, None)
        app.begin(2)
        await app.publish([1], generation=2)
        app.world.unavailable = set()
        await app.pass_time(120, 5)
        assert sorted(app.world.done) == [("audio", 1), ("context", 1), ("context", 1), ("frames", 1)]
        assert app.committable == 2

    async def test_a_rebalance_ends_the_wait_inside_slots(self) -> None:
        """So it is for those that found no room."""
        app = App(capacity=1)
        app.world.unavailable = {"odd"}
        await app.publish([1, 3])
        assert app.deferred_events.is_crowded
        app.admission.suspend()
        await settled()
        assert (app.admission.num_running, app.deferred_events.num_deferred) == (0, 0)
        await app.close()

    async def test_stopping_leaves_it_unfinished(self, app: App) -> None:
        """Cancelled while deferred, nothing is acknowledged and nothing is left running."""
        app.world.unavailable = {"odd"}
        await app.publish([1])
        await asyncio.wait_for(app.close(), 60)
        assert (app.committable, app.fatal_error.happened.is_set()) == (None, False)

    async def test_a_deferred_event_is_no_unclean_end(self, app: App) -> None:
        """Its slots tell the counts of starts that it was put back in order."""
        released: list[Slot] = []
        settle = app.admission._on_release
        assert settle is not None

        def release(slot: Slot) -> None:
            released.append(slot)
            settle(slot)

        app.admission._on_release = release
        app.world.unavailable = {"odd"}
        await app.publish([1])
        assert [(slot.deferred, slot.has_crashed) for slot in released] == [({"frames", "audio"}, False)]
        await app.close()
