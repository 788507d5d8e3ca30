"""Admission: bounded, shared by agents, robust to rebalances, and sometimes for one event alone."""

from __future__ import annotations

import asyncio

import pytest

from streams.delivery.admission import Admission, Slot
from streams.record import Place, Record


def record(offset: int, generation: int = 1) -> Record:
    """A record of the only partition."""
    return Record(Place("topic", 0, offset), b"key", b"value", (), 0.0, generation)


def admission(capacity: int = 1, agents: tuple[str, ...] = ("frames", "audio")) -> tuple[Admission, list[Slot]]:
    """An admission that runs, and the list of what it releases."""
    released: list[Slot] = []
    subject = Admission(capacity, agents, released.append)
    subject.resume(1)
    return subject, released


async def settled() -> None:
    """Let every other task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


class TestAdmission:
    async def test_agents_share_a_slot(self) -> None:
        """The second agent of an event gets the first one's slot, and the last to leave gives it back."""
        subject, released = admission()
        first = await subject.enter(record(0), "frames")
        second = await subject.enter(record(0), "audio")
        assert first is not None
        assert first is second
        subject.leave(first)
        assert released == []
        subject.leave(first)
        assert released == [first]

    async def test_waits_for_agents_that_come_later(self) -> None:
        """A slot is not given back while an agent has not met the event, even if nothing runs."""
        subject, released = admission()
        slot = await subject.enter(record(0), "frames")
        assert slot is not None
        subject.leave(slot)
        assert (released, subject.num_slots, subject.num_running) == ([], 1, 0)

    async def test_next_event_waits_for_a_slot(self) -> None:
        """At capacity the next event waits until one is through."""
        subject, _ = admission(agents=("frames",))
        slot = await subject.enter(record(0), "frames")
        waiting = asyncio.ensure_future(subject.enter(record(1), "frames"))
        await settled()
        assert (slot is not None, waiting.done()) == (True, False)
        assert slot is not None
        subject.leave(slot)
        assert (await waiting) is not None

    async def test_drain_turns_waiting_events_away(self) -> None:
        """Who waits for a slot when the generation ends gets none: the record is redelivered."""
        subject, _ = admission(agents=("frames",))
        await subject.enter(record(0), "frames")
        waiting = asyncio.ensure_future(subject.enter(record(1), "frames"))
        await settled()
        subject.suspend()
        assert await waiting is None

    async def test_stale_records_get_no_slot(self) -> None:
        """A record that was fetched before the rebalance is turned away after it."""
        subject, _ = admission()
        subject.suspend()
        subject.resume(2)
        assert await subject.enter(record(0, generation=1), "frames") is None

    async def test_rebalance_frees_slots_of_agents_that_never_came(self) -> None:
        """A cleared queue leaves an agent that never meets its event; the slot is free once nothing runs in it."""
        subject, released = admission()
        slot = await subject.enter(record(0), "frames")
        assert slot is not None
        subject.leave(slot)
        subject.suspend()
        assert released == [slot]

    async def test_redelivery_joins_the_slot_of_running_work(self) -> None:
        """Work that outlives a rebalance keeps its slot, which the redelivery shares and all agents must meet again."""
        subject, released = admission()
        old = await subject.enter(record(0), "frames")
        assert old is not None
        subject.suspend()
        subject.resume(2)
        new = await subject.enter(record(0, generation=2), "frames")
        assert new is old
        subject.leave(old)
        subject.leave(old)
        assert released == []
        await subject.enter(record(0, generation=2), "audio")
        subject.leave(old)
        assert released == [old]

    async def test_alone_waits_for_others_and_keeps_them_out(self) -> None:
        """An event that must run alone waits until the others ended, and nothing is admitted until it left."""
        subject, _ = admission(capacity=3, agents=("frames",))
        other = await subject.enter(record(0), "frames")
        suspect = await subject.enter(record(1), "frames")
        assert other is not None
        assert suspect is not None
        alone = asyncio.ensure_future(subject.alone(suspect))
        later = asyncio.ensure_future(subject.enter(record(2), "frames"))
        await settled()
        assert (alone.done(), later.done()) == (False, False)
        subject.leave(other)
        await alone
        await settled()
        assert later.done() is False
        subject.leave(suspect)
        assert (await later) is not None

    async def test_two_that_must_run_alone_take_turns(self) -> None:
        """Suspects do not wait for each other to end before they began."""
        subject, _ = admission(capacity=3, agents=("frames",))
        first = await subject.enter(record(0), "frames")
        second = await subject.enter(record(1), "frames")
        assert first is not None
        assert second is not None
        turn = asyncio.ensure_future(subject.alone(first))
        next_turn = asyncio.ensure_future(subject.alone(second))
        await settled()
        assert (turn.done(), next_turn.done()) == (True, False)
        subject.leave(first)
        await next_turn

    async def test_once_is_shared(self) -> None:
        """What one agent of an event starts, the others wait for."""
        slot = Slot(Place("topic", 0, 0), 1)
        calls: list[int] = []

        async def work() -> str:
            calls.append(1)
            await asyncio.sleep(0)
            return "done"

        assert await asyncio.gather(slot.once("letter", work), slot.once("letter", work)) == ["done", "done"]
        assert calls == [1]

    async def test_what_is_shared_can_be_asked_for_without_starting_it(self) -> None:
        """Nobody asked, it is still at it, it failed, it is there: only the last is known."""
        slot = Slot(Place("topic", 0, 0), 1)

        async def fails() -> str:
            raise ValueError("broken")

        async def works() -> str:
            await asyncio.sleep(0)
            return "done"

        assert await slot.known("session") is None
        with pytest.raises(ValueError, match="broken"):
            await slot.once("other", fails)
        assert await slot.known("other") is None
        asking = asyncio.ensure_future(slot.once("session", works))
        await asyncio.sleep(0)
        assert await slot.known("session") == "done"
        await asking

    def test_refuses_no_capacity(self) -> None:
        """An admission of nothing would stand still."""
        with pytest.raises(ValueError, match="capacity of 0"):
            Admission(0, ("frames",))
