"""Events that have to run alone, where another role's event runs alone, too: their own role goes on meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from schemas.facts import Failure
from streams.delivery.admission import Slot
from streams.delivery.attempts import Attempt, Attempts
from streams.delivery.slot_cleanup import SlotCleanup
from streams.record import Place, Record
from streams.store.keys import Keys
from tests.fakes import ManualClock
from tests.support.one_role import OneRole, record_at, settled

SUSPECTS = frozenset((0, 3))


class Counts:
    """A store that has seen the suspects at three unclean ends each."""

    def register_script(self, _text: str) -> Any:
        async def answer(**_: Any) -> list[int]:
            return [1, 0, 0]

        return answer

    async def delete(self, _key: str) -> None:
        """Nothing is kept."""


class SuspectAttempts(Attempts):
    """Counts of a role."""

    async def begin(self, place: Place) -> Attempt:
        return Attempt(unclean_ends=3 if place.offset in SUSPECTS else 0, exclusive_deaths=0)


class Work:
    """Notes what it did, and with what next to it."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.running = 0
        self.most_at_once: dict[int, int] = {}

    async def run(self, record: Record, slot: Slot) -> None:
        self.running += 1
        await asyncio.sleep(0)
        self.most_at_once[record.place.offset] = self.running
        self.running -= 1
        self.done.append(record.place.offset)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        raise AssertionError(f"nothing fails here, got {failure}")


async def test_a_role_goes_on_while_its_suspect_waits_for_another_roles() -> None:
    """Media may take minutes with an event alone; intake's suspects wait for that, and no other upload does."""
    turn, work, redis = asyncio.Lock(), Work(), Counts()
    store: Any = redis
    intake = SuspectAttempts(store, Keys(), exclusive_turn=turn)
    settle = SlotCleanup(intake).settle
    role = OneRole({"intake": work}, ManualClock(), slots=8, on_release=settle, attempts=intake)
    media = Attempts(store, Keys(), exclusive_turn=turn)
    await media.take_turn(Place("topic", 0, 9))
    for offset in range(6):
        await role.take(record_at(offset))
    await settled()
    assert sorted(work.done) == [1, 2, 4, 5]
    await media.end(Place("topic", 0, 9))
    await settled()
    assert sorted(work.done) == list(range(6))
    assert {work.most_at_once[offset] for offset in SUSPECTS} == {1}


class LateAttempts(SuspectAttempts):
    """The store answers for one event later than for the other."""

    def __init__(self, store: Any, turn: asyncio.Lock) -> None:
        super().__init__(store, Keys(), exclusive_turn=turn)
        self.may_answer = asyncio.Event()

    async def begin(self, place: Place) -> Attempt:
        if place.offset == 3:
            await self.may_answer.wait()
        return await super().begin(place)


async def test_a_suspect_does_not_wait_for_one_that_waits_behind_it() -> None:
    """The first has its turn and waits for all others to end; the second becomes a suspect only then."""
    store: Any = Counts()
    work, attempts = Work(), LateAttempts(store, asyncio.Lock())
    settle = SlotCleanup(attempts).settle
    role = OneRole({"media": work}, ManualClock(), slots=8, on_release=settle, attempts=attempts)
    await role.take(record_at(0))
    await role.take(record_at(3))
    await settled()
    attempts.may_answer.set()
    await settled()
    assert work.done == [0, 3]
