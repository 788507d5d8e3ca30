"""A loop that stands still is noticed by counting looks, not by a clock."""

from __future__ import annotations

import asyncio
import threading

from streams.monitoring.heartbeat import LOOK_SECONDS, Heartbeat


class Looked:
    """A heartbeat with a patience of five looks; what it gave up is kept."""

    def __init__(self) -> None:
        self.given_up: list[str] = []
        self.heartbeat = Heartbeat(5 * LOOK_SECONDS, self.given_up.append)

    def look(self, times: int) -> None:
        for _ in range(times):
            self.heartbeat.look()


class TestHeartbeat:
    def test_a_beating_loop_is_left_alone(self) -> None:
        """One beat between two looks is enough, for ever."""
        looked = Looked()
        for _ in range(100):
            looked.heartbeat.beat()
            looked.look(1)
        assert looked.given_up == []
        assert looked.heartbeat.silent_seconds == 0

    def test_a_silent_loop_is_given_up_after_its_timeout(self) -> None:
        """Neither earlier nor later."""
        looked = Looked()
        looked.heartbeat.beat()
        looked.look(1 + 4)
        assert (looked.given_up, looked.heartbeat.silent_seconds) == ([], 4 * LOOK_SECONDS)
        looked.look(1)
        assert len(looked.given_up) == 1

    def test_a_late_beat_restarts_the_count(self) -> None:
        """A loop that got over it is fine."""
        looked = Looked()
        looked.look(5)
        looked.heartbeat.beat()
        looked.look(5)
        assert looked.given_up == []

    async def test_a_blocked_loop_falls_silent_and_is_given_up_from_the_thread(self) -> None:
        """The thread looks while the loop stands still, and gives it up there."""
        ended = threading.Event()
        heartbeat = Heartbeat(2 * LOOK_SECONDS, lambda _stuck: ended.set())
        heartbeat.open()
        try:
            await asyncio.sleep(0)
            assert ended.wait(30), "nobody gave up a loop that blocks in this very call"
        finally:
            heartbeat.close()
