"""Events that take too long: counted by what they are at, and named once each."""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from operators.errors import Overloaded
from streams.delivery.unfinished import UnfinishedEvents
from streams.record import Place, Record
from tests.fakes import ManualClock
from tests.support.one_role import OneRole, ScriptedWork

LIMIT_SECONDS = 300.0


def record(offset: int = 0) -> Record:
    return Record(Place("video.uploaded", 0, offset), f"video-{offset}".encode(), b"{}", (), 0.0, 1)


class Watched:
    """The unfinished events of a role of its own, so that gauges of tests do not mix."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.clock = ManualClock()
        self.events = UnfinishedEvents(role, LIMIT_SECONDS, self.clock)

    def look_after(self, seconds: float) -> list[structlog.typing.EventDict]:
        """Let time pass, look, and return what was logged."""
        self.clock.advance(seconds)
        with capture_logs() as lines:
            self.events.look()
        return list(lines)

    def overdue(self, stage: str) -> float | None:
        return REGISTRY.get_sample_value("vidsignal_overdue_events", {"role": self.role, "stage": stage})

    @property
    def oldest_seconds(self) -> float | None:
        return REGISTRY.get_sample_value("vidsignal_oldest_unfinished_event_seconds", {"role": self.role})


class TestUnfinishedEvents:
    def test_an_event_within_its_limit_is_not_overdue(self) -> None:
        """Its age shows, nothing else does."""
        watched = Watched("within")
        watched.events.begin(record(), "frames")
        assert watched.look_after(LIMIT_SECONDS) == []
        assert (watched.overdue("working"), watched.oldest_seconds) == (0, LIMIT_SECONDS)

    def test_an_overdue_event_is_named_once(self) -> None:
        """With its video, its role, what each agent is at, and its age."""
        watched = Watched("named")
        watched.events.begin(record(7), "frames")
        audio = watched.events.begin(record(7), "audio")
        audio.stage = "retrying"
        (line,) = watched.look_after(LIMIT_SECONDS + 1)
        assert line["video_id"] == "video-7"
        assert (line["role"], line["age_seconds"], line["limit_seconds"]) == ("named", 301.0, LIMIT_SECONDS)
        assert line["agents"] == {"audio": "retrying", "frames": "working"}
        assert watched.look_after(5) == []
        assert watched.overdue("working") == 1

    def test_each_overdue_event_has_a_line_of_its_own(self) -> None:
        """Two events, two lines, and both are counted."""
        watched = Watched("two")
        watched.events.begin(record(1), "frames")
        watched.events.begin(record(2), "frames")
        assert [line["video_id"] for line in watched.look_after(LIMIT_SECONDS + 1)] == ["video-1", "video-2"]
        assert watched.overdue("working") == 2

    def test_a_finished_event_is_no_longer_counted(self) -> None:
        """The gauges go back; should it return and take too long again, it is named again."""
        watched = Watched("again")
        delivery = watched.events.begin(record(), "frames")
        assert len(watched.look_after(LIMIT_SECONDS + 1)) == 1
        watched.events.end(delivery)
        assert watched.look_after(1) == []
        assert (watched.overdue("working"), watched.oldest_seconds) == (0, 0)
        watched.events.begin(record(), "frames")
        assert len(watched.look_after(LIMIT_SECONDS + 1)) == 1

    def test_an_event_that_waits_for_its_origin_is_counted_apart(self) -> None:
        """Anyone who alerts on stuck work need not hear of an origin that is unavailable."""
        watched = Watched("deferred")
        for agent in ("frames", "audio"):
            watched.events.begin(record(), agent).stage = "deferred"
        watched.look_after(LIMIT_SECONDS + 1)
        assert (watched.overdue("deferred"), watched.overdue("working")) == (1, 0)


class TestStages:
    async def test_a_delivery_says_what_it_is_at(self) -> None:
        """It works, waits between two tries, works again, and is gone."""
        gate = asyncio.Event()
        bench = OneRole({"agent": ScriptedWork(script=[Overloaded("full")], gate=gate)}, ManualClock())
        stages = bench.unfinished._deliveries
        await bench.take(record(0))
        await asyncio.sleep(0.01)
        assert [each.stage for each in stages] == ["working"]
        gate.set()
        await bench.clock.wait_for_sleepers(1)
        assert [each.stage for each in stages] == ["retrying"]
        bench.clock.advance(3600)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not stages
