"""Breakers: an origin that is unavailable is asked rarely, by one, and by all when it answers."""

from __future__ import annotations

import asyncio

import pytest

from operators.errors import SourceUnavailable
from streams.delivery import breaker
from streams.delivery.breaker import LEASE_SECONDS, Breakers
from streams.lifecycle.backoff import Backoff
from tests.fakes import ManualClock

ORIGIN = "https://cdn.example:443"
OTHER = "s3://bucket"


async def settled() -> None:
    """Let every other task run until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


def open_breakers(clock: ManualClock) -> Breakers:
    """Breakers of which one is open; it is due after at most ten seconds."""
    breakers = Breakers(clock, backoff=Backoff(10.0, 40.0))
    for _ in range(breaker.FAILURES_TO_OPEN):
        breakers.failed(ORIGIN)
    return breakers


class TestBreakers:
    def test_opens_after_failures_in_a_row(self, manual_clock: ManualClock) -> None:
        """Two failures and a success are forgotten; three in a row open it, for its origin alone."""
        breakers = Breakers(manual_clock)
        for _ in range(2):
            breakers.failed(ORIGIN)
            breakers.failed(ORIGIN)
            breakers.answered(ORIGIN)
        breakers.require(ORIGIN)
        for _ in range(3):
            breakers.failed(ORIGIN)
        with pytest.raises(SourceUnavailable, match="asked only now and then") as caught:
            breakers.require(ORIGIN)
        assert caught.value.origin == ORIGIN
        breakers.require(OTHER)
        assert breakers.num_open == 1

    def test_lets_one_try_when_its_time_has_come(self, manual_clock: ManualClock) -> None:
        """Half-open: the first to ask may, the next may not until that try has taken too long."""
        breakers = open_breakers(manual_clock)
        manual_clock.advance(10)
        breakers.require(ORIGIN)
        with pytest.raises(SourceUnavailable):
            breakers.require(ORIGIN)
        manual_clock.advance(LEASE_SECONDS)
        breakers.require(ORIGIN)

    def test_waits_longer_after_each_failed_try(self, manual_clock: ManualClock) -> None:
        """The times between tries double; ten seconds are long enough once, and too short the next time but one."""
        breakers = open_breakers(manual_clock)
        for _ in range(2):
            manual_clock.advance(40)
            breakers.require(ORIGIN)
            breakers.failed(ORIGIN)
        manual_clock.advance(10)
        with pytest.raises(SourceUnavailable):
            breakers.require(ORIGIN)

    def test_closes_with_an_answer(self, manual_clock: ManualClock) -> None:
        """One success is enough."""
        breakers = open_breakers(manual_clock)
        breakers.answered(ORIGIN)
        breakers.require(ORIGIN)
        assert (breakers.num_open, breakers.is_open(ORIGIN)) == (0, False)

    async def test_sends_one_at_a_time_to_try(self, manual_clock: ManualClock) -> None:
        """Of those who wait the first goes when it is time; the second only when that try took too long or failed."""
        breakers = open_breakers(manual_clock)
        turns = [asyncio.ensure_future(breakers.turn(ORIGIN)) for _ in range(3)]
        await settled()
        assert [turn.done() for turn in turns] == [False, False, False]
        manual_clock.advance(10)
        await settled()
        assert [turn.done() for turn in turns] == [True, False, False]
        breakers.require(ORIGIN)
        manual_clock.advance(breaker.STAGGER_SECONDS)
        await settled()
        assert [turn.done() for turn in turns] == [True, False, False]
        manual_clock.advance(LEASE_SECONDS)
        await settled()
        assert [turn.done() for turn in turns] == [True, True, False]
        turns[2].cancel()

    async def test_lets_everyone_go_when_it_closes(self, manual_clock: ManualClock) -> None:
        """An answer ends all waiting at once."""
        breakers = open_breakers(manual_clock)
        turns = [asyncio.ensure_future(breakers.turn(ORIGIN)) for _ in range(50)]
        await settled()
        assert not any(turn.done() for turn in turns)
        breakers.answered(ORIGIN)
        await asyncio.wait_for(asyncio.gather(*turns), 60)
        assert breakers.num_open == 0
        breakers.require(ORIGIN)

    async def test_who_stops_waiting_holds_nobody_up(self, manual_clock: ManualClock) -> None:
        """A cancelled waiter leaves its turn to the next."""
        breakers = open_breakers(manual_clock)
        first, second = (asyncio.ensure_future(breakers.turn(ORIGIN)) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        manual_clock.advance(10)
        await asyncio.wait_for(second, 60)
        assert first.cancelled()

    def test_remembers_a_bounded_number(self, manual_clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
        """Anyone who names hosts at will fills no memory: those that failed longest ago are forgotten."""
        monkeypatch.setattr(breaker, "MAX_ORIGINS", 10)
        breakers = Breakers(manual_clock, failures_to_open=1)
        for number in range(100):
            breakers.failed(f"https://{number}.example:443")
        assert breakers.num_open == 10
