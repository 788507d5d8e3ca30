"""The limit on dead letters of our own fault: what counts, when a role pauses, how it resumes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from operators.errors import InvalidMedia, MachineUnavailable
from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.consumer.faust_role import FaustRole
from streams.delivery.admission import Slot
from streams.delivery.breaker import Breakers
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.unfinished import UnfinishedEvents
from streams.record import Record
from tests.fakes import ManualClock
from tests.support.one_role import OneRole

pytestmark = pytest.mark.usefixtures("silent_logs")

LIMIT = 3
WINDOW_SECONDS = 600.0


@dataclass
class World:
    """What becomes of events: by a fault of ours, by offset, or well."""

    fault: Exception | None = None
    senders_faults: dict[int, Exception] = field(default_factory=dict)
    tries: list[tuple[str, int]] = field(default_factory=list)
    done: list[tuple[str, int]] = field(default_factory=list)
    failed: dict[int, set[str]] = field(default_factory=dict)


class AgentWork:
    """One agent in that world; `context` never meets the fault."""

    def __init__(self, agent: str, world: World) -> None:
        self._agent = agent
        self._world = world

    async def run(self, record: Record, slot: Slot) -> None:
        self._world.tries.append((self._agent, record.place.offset))
        await asyncio.sleep(0)
        if error := self._world.senders_faults.get(record.place.offset):
            raise error
        if self._world.fault is not None and self._agent != "context":
            raise self._world.fault
        self._world.done.append((self._agent, record.place.offset))

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        self._world.failed.setdefault(record.place.offset, set()).add(failure.cause)


class App(OneRole):
    """A role with a limit."""

    def __init__(self, agents: tuple[str, ...] = ("agent",), slots: int = 4, limit: int = LIMIT) -> None:
        clock = ManualClock()
        self.world = World()
        self.limit = DeadLetterLimit("media", clock, max_dead_letters=limit, window_seconds=WINDOW_SECONDS)
        self.deferred_events = DeferredEvents(Breakers(clock), clock, capacity=64, timeout_seconds=60.0)
        works = {agent: AgentWork(agent, self.world) for agent in agents}
        super().__init__(
            works, clock, slots=slots, deferred_events=self.deferred_events, limit=self.limit, internal_error_attempts=1
        )


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """A role of one agent."""
    app = App()
    yield app
    await app.close()


@pytest.fixture
async def media() -> AsyncIterator[App]:
    """A role of three agents."""
    app = App(("frames", "audio", "context"))
    yield app
    await app.close()


class TestPause:
    @pytest.mark.parametrize("fault", [ValueError("bug"), OSError(5, "Input/output error")], ids=["bug", "disk"])
    async def test_a_role_pauses_before_it_drains_its_topic(self, app: App, fault: Exception) -> None:
        """Whatever the fault, no more dead letters than the limit are written, however much waits and however long."""
        app.world.fault = fault
        await app.publish(range(50))
        await app.pass_time(WINDOW_SECONDS * 0.9, 1)
        assert len(app.world.failed) == LIMIT
        assert app.limit.is_paused
        assert (app.committable or 0) <= LIMIT
        assert not app.fatal_error.happened.is_set()

    async def test_every_agent_of_an_event_answers_or_none(self, media: App) -> None:
        """Letters are counted by event: none is answered by one agent and kept back by another."""
        media.world.fault = ValueError("bug")
        await media.publish(range(20))
        await media.pass_time(300, 1)
        assert len(media.world.failed) == LIMIT
        assert media.committable == LIMIT

    async def test_it_tries_one_event_at_a_time_and_less_and_less_often(self, app: App) -> None:
        """Half open, as a breaker: between probes the time doubles, up to a minute."""
        app.world.fault = ValueError("bug")
        await app.publish(range(50))
        num_before = len(app.world.tries)
        await app.pass_time(480, 1)
        assert 8 <= len(app.world.tries) - num_before <= 16

    async def test_it_says_what_to_do(self, app: App) -> None:
        """One critical line names the role, the last fault, and what resumes it."""
        app.world.fault = ValueError("odd number")
        with capture_logs() as logs:
            await app.publish(range(50))
        [line] = [line for line in logs if line["log_level"] == "critical"]
        assert line["role"] == "media"
        assert "odd number" in line["message"]
        assert "resumes" in line["event"]

    async def test_the_watchdog_knows_why_it_waits(self, app: App) -> None:
        """A paused role has a state of its own: it is neither stalled nor merely full."""
        role = FaustRole(
            "media", app.tracked_offsets, app.admission, UnfinishedEvents("media", 300, app.clock), app.deferred_events,
            app.limit, app.limit, num_arrived=int, has_joined=bool, consumer_threads=tuple,
        )  # fmt: skip
        assert role.waits_for() is None
        app.world.fault = ValueError("bug")
        await app.publish(range(50))
        assert role.waits_for() == "dead-letter-limit"

    async def test_without_a_limit_nothing_pauses(self) -> None:
        """Zero is no limit."""
        app = App(limit=0)
        app.world.fault = ValueError("bug")
        await app.publish(range(50))
        await app.pass_time(60, 1)
        assert (len(app.world.failed), app.committable) == (50, 50)
        await app.close()


class TestResume:
    async def test_the_rest_has_results_when_the_fault_is_gone(self, media: App) -> None:
        """The first probe that has a result resumes the role; nothing but the limit's number was given up."""
        media.world.fault = ValueError("bug")
        await media.publish(range(50))
        await media.pass_time(120, 1)
        media.world.fault = None
        await media.pass_time(300, 1)
        assert not media.limit.is_paused
        assert media.committable == 50
        assert len(media.world.failed) == LIMIT
        assert {offset for agent, offset in media.world.done if agent == "frames"} == set(range(LIMIT, 50))

    async def test_an_upload_that_is_refused_says_nothing(self, app: App) -> None:
        """Probes that fail by their senders' fault neither resume nor hold up: the next one is tried."""
        app.world.senders_faults = dict.fromkeys(range(LIMIT + 1, 40), InvalidMedia("media-empty", "no bytes"))
        app.world.fault = ValueError("bug")
        await app.publish(range(50))
        await app.pass_time(400, 1)
        ours = [offset for offset, causes in app.world.failed.items() if causes == {"internal-error"}]
        assert (len(ours), app.limit.is_paused) == (LIMIT, True)

    async def test_letters_are_forgotten_with_the_window(self, app: App) -> None:
        """As many again may be written once the first are older than the window."""
        app.world.fault = ValueError("bug")
        await app.publish(range(LIMIT))
        await app.pass_time(WINDOW_SECONDS + 10, 10)
        await app.publish(range(LIMIT, 2 * LIMIT))
        await app.pass_time(1, 1)
        assert (len(app.world.failed), app.limit.is_paused) == (2 * LIMIT, False)

    async def test_one_event_that_always_fails_keeps_no_others(self, app: App) -> None:
        """Held at the limit, an event that meets a bug each time is tried now and then; the others get through."""
        app.world.senders_faults = {offset: ValueError("its own bug") for offset in range(LIMIT + 1)}
        await app.publish(range(100))
        await app.pass_time(300, 1)
        assert {offset for _, offset in app.world.done} == set(range(LIMIT + 1, 100))

    async def test_nor_do_several(self, app: App) -> None:
        """More of them than slots, so that one always waits for its try: new events are tried, too."""
        app.world.senders_faults = {offset: ValueError("its own bug") for offset in range(LIMIT + 6)}
        await app.publish(range(100))
        await app.pass_time(0.9 * WINDOW_SECONDS, 1)
        assert {offset for _, offset in app.world.done} == set(range(LIMIT + 6, 100))
        assert len(app.world.failed) == LIMIT


class TestSenders:
    async def test_ten_thousand_bad_uploads_pause_nobody(self) -> None:
        """What senders cause never counts: each is answered at once, and the good ones between them have results."""
        app = App(slots=64)
        causes = (
            InvalidEvent("event-not-json", ""),
            InvalidMedia("media-empty", ""),
            InvalidMedia("media-missing", ""),
        )
        app.world.senders_faults = {offset: causes[offset % 3] for offset in range(11_000) if offset % 11 != 10}
        await app.publish(range(11_000))
        for _ in range(40):
            await app.pass_time(1, 1)
        assert (len(app.world.failed), len(app.world.done)) == (10_000, 1_000)
        assert (app.limit.is_paused, app.committable) == (False, 11_000)
        await app.close()

    async def test_an_unmounted_root_counts_once_patience_is_over(self) -> None:
        """Media behind a mount that is gone is waited for; what is given up in the end counts as ours."""
        app = App()
        app.world.fault = MachineUnavailable("file:///media", "the media root is empty; is it mounted?")
        await app.publish(range(20))
        await app.pass_time(50, 1)
        assert app.world.failed == {}
        await app.pass_time(500, 1)
        assert {cause for causes in app.world.failed.values() for cause in causes} == {"machine-unavailable"}
        assert (len(app.world.failed), app.limit.is_paused) == (LIMIT, True)
        await app.close()
