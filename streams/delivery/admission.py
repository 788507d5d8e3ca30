"""Admission: how many events a role works on concurrently, and which one exclusively.

The first agent to receive an event acquires its slot; the last to finish releases it. Agents that receive an event
which already has a slot never wait, so agents cannot deadlock each other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from streams.record import Place, Record

Result = TypeVar("Result")


class Slot:
    """The admission of one event, and what its agents share."""

    def __init__(self, place: Place, generation: int) -> None:
        self.place = place
        self.generation = generation
        self.arrived: set[str] = set()
        """Agents that met the event in this generation."""
        self.num_active = 0
        """Deliveries that have not left, of earlier generations too."""
        self.waits_for_turn = False
        """It has to run alone, and another role's event does: nobody waits for it."""
        self.is_exclusive = False
        self.has_crashed = False
        self.was_cancelled = False
        self.has_failure = False
        """An agent answered that there is no result, and why."""
        self.deferred: set[str] = set()
        """Agents that left to come back once the media can be fetched."""
        self.closed = asyncio.Event()
        """Everything in it has ended."""
        self._shared: dict[str, asyncio.Task[Any]] = {}
        self._clean_ups: list[Callable[[], Awaitable[None]]] = []

    @property
    def has_result(self) -> bool:
        """Whether it ended, and with a result of every agent."""
        return not (self.has_failure or self.has_crashed or self.was_cancelled or self.deferred)

    async def once(self, name: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run `work` for the first caller; concurrent callers under the same name get its result or its error. A caller
        after an error runs it again.
        """
        if name not in self._shared or _has_failed(self._shared[name]):
            self._shared[name] = asyncio.ensure_future(_run(work))
        result: Result = await asyncio.shield(self._shared[name])
        return result

    async def known(self, name: str) -> object | None:
        """The result of `once` under that name, None if it was not called or failed; waits while it runs."""
        if name not in self._shared:
            return None
        await asyncio.wait([self._shared[name]])
        task = self._shared[name]
        return None if task.cancelled() or task.exception() is not None else task.result()

    def defer(self, clean_up: Callable[[], Awaitable[None]]) -> None:
        """Call this when the last agent has left."""
        self._clean_ups.append(clean_up)

    async def close(self) -> None:
        """Cancel shared work that still runs, and clean up in reverse order."""
        try:
            for task in self._shared.values():
                task.cancel()
            for clean_up in reversed(self._clean_ups):
                await clean_up()
        finally:
            self.closed.set()


class AdmissionGate(Protocol):
    """Decides whether new events are admitted."""

    @property
    def is_open(self) -> bool:
        """Whether they are; events that have a slot continue in any case."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Call this whenever it opens."""


class ProbingGate(AdmissionGate, Protocol):
    """A gate that is told which events enter and how they end; see `streams.delivery.dead_letter_limit`."""

    @property
    def wants_new(self) -> bool:
        """Whether a new event goes before those that came back, where one waits."""

    def begun(self, place: Place) -> None:
        """An event was given a slot."""

    def left(self, slot: Slot) -> None:
        """An event has left its slot."""


class OpenGate:
    """A gate that is always open."""

    is_open = True
    wants_new = False

    def listen(self, changed: Callable[[], None]) -> None:
        """Nothing ever changes."""

    def begun(self, place: Place) -> None:
        """Nobody asks."""

    def left(self, slot: Slot) -> None:
        """Nobody asks."""


class Admission:
    """The slots of one app.

    Args:
        capacity: events at once.
        agents: names of the app's agents; an event is through when all of them have been there.
        on_release: called with each slot that is given back; closes it.
        on_suspend: called when a generation ends.
        gate: closed where no new event may begin.
        probation: the same, for another reason; it is told of every event.
    """

    def __init__(
        self,
        capacity: int,
        agents: Iterable[str],
        on_release: Callable[[Slot], None] | None = None,
        on_suspend: Callable[[], None] | None = None,
        gate: AdmissionGate | None = None,
        probation: ProbingGate | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"at least one event has to be admitted, got a capacity of {capacity}")
        self._capacity = capacity
        self._agents = frozenset(agents)
        self._on_release = on_release
        self._on_suspend = on_suspend
        self._gate = gate or OpenGate()
        self._gate.listen(self._changed)
        self._probation = probation or OpenGate()
        self._probation.listen(self._changed)
        self._slots: dict[Place, Slot] = {}
        self._returning: dict[Place, frozenset[str]] = {}
        """Agents that come back to an event; those that are through with it do not."""
        self._waiting_readmissions: Counter[Place] = Counter()
        """Events that came back and wait for a slot: they go before new ones, see `_is_next`."""
        self._num_new_waiting = 0
        self._exclusive_slots: list[Slot] = []
        """Slots that run alone or wait for it, in their order."""
        self._generation = -1
        self._is_suspended = True
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def num_running(self) -> int:
        """Events whose work has not ended."""
        return sum(slot.num_active > 0 for slot in self._slots.values())

    @property
    def num_slots(self) -> int:
        """Slots that are taken."""
        return len(self._slots)

    @property
    def is_full(self) -> bool:
        """Whether no new event would be given a slot, although a generation runs and the gate is open."""
        return len(self._slots) >= self._capacity or bool(self._exclusive_slots) or bool(self._waiting_readmissions)

    async def enter(self, record: Record, agent: str) -> Slot | None:
        """Wait for a slot. None: the record's generation is over, and the record is redelivered elsewhere or here."""
        with self._waiting(record):
            await self._until(lambda: self.is_over(record) or record.place in self._slots or self._has_room(record))
        if self.is_over(record):
            return None
        slot = self._slots.get(record.place) or self._take_slot(record)
        if slot.generation != record.generation:
            slot.generation, slot.arrived = record.generation, set()
        slot.arrived.add(agent)
        slot.num_active += 1
        return slot

    def leave(self, slot: Slot, *, deferred: str | None = None) -> None:
        """One delivery of the slot's event has ended, or, of the agent `deferred`, comes back later."""
        slot.num_active -= 1
        if deferred is not None:
            slot.deferred.add(deferred)
        self._release_if_through(slot)
        self._changed()

    def await_turn(self, slot: Slot) -> None:
        """The slot's event waits to run alone while another role's does; its own role goes on."""
        slot.waits_for_turn = True
        self._changed()

    async def alone(self, slot: Slot) -> None:
        """Wait until the slot's event is the only one that runs; nothing else is admitted until it left."""
        if slot not in self._exclusive_slots:
            slot.waits_for_turn = False
            self._exclusive_slots.append(slot)
            self._changed()  # an earlier one may have waited for this one to end
        await self._until(lambda: self._exclusive_slots[0] is slot and self._others_ended())

    def suspend(self) -> None:
        """A generation ends: admit nothing, and do not wait for agents that never met their event."""
        self._is_suspended = True
        self._returning.clear()
        if self._on_suspend is not None:
            self._on_suspend()
        for slot in list(self._slots.values()):
            self._release_if_through(slot)
        self._changed()

    def resume(self, generation: int) -> None:
        """A generation begins."""
        self._generation = generation
        self._is_suspended = False
        self._changed()

    async def until_idle(self) -> None:
        """Return when no event is worked on."""
        await self._until(lambda: self.num_running == 0)

    def is_over(self, record: Record) -> bool:
        """Whether the record's generation is: it is redelivered elsewhere or here."""
        return self._is_suspended or record.generation != self._generation

    def _take_slot(self, record: Record) -> Slot:
        slot = self._slots[record.place] = Slot(record.place, record.generation)
        if record.place in self._returning:
            slot.arrived = set(self._agents - self._returning.pop(record.place))
        self._probation.begun(record.place)
        return slot

    @contextmanager
    def _waiting(self, record: Record) -> Iterator[None]:
        if record.place not in self._returning:
            self._num_new_waiting += 1
            try:
                yield
            finally:
                self._num_new_waiting -= 1
            return
        self._waiting_readmissions[record.place] += 1
        try:
            yield
        finally:
            self._waiting_readmissions[record.place] -= 1
            self._waiting_readmissions += Counter()  # drops what is zero
            self._changed()

    def _has_room(self, record: Record) -> bool:
        is_free = len(self._slots) < self._capacity and not self._exclusive_slots
        is_let_in = self._gate.is_open and self._probation.is_open
        return is_free and is_let_in and self._is_next(record.place)

    def _is_next(self, place: Place) -> bool:
        """Events that came back go first. Where one at a time is tried, new ones do: those that came back may fail at
        each try, and would hold up all others."""
        has_come_back = place in self._waiting_readmissions
        if self._probation.wants_new and self._num_new_waiting:
            return not has_come_back
        return has_come_back or not self._waiting_readmissions

    def _others_ended(self) -> bool:
        return all(_is_out_of_the_way(slot, self._exclusive_slots) for slot in self._slots.values())

    def _release_if_through(self, slot: Slot) -> None:
        is_over = self._is_suspended or slot.generation != self._generation
        if slot.num_active == 0 and (is_over or slot.arrived >= self._agents) and slot.place in self._slots:
            del self._slots[slot.place]
            if slot.deferred and not is_over:
                self._returning[slot.place] = frozenset(slot.deferred)
            if slot in self._exclusive_slots:
                self._exclusive_slots.remove(slot)
            self._probation.left(slot)
            if self._on_release is not None:
                self._on_release(slot)

    async def _until(self, is_true: Callable[[], bool]) -> None:
        while not is_true():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _changed(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _is_out_of_the_way(slot: Slot, loners: list[Slot]) -> bool:
    return slot in loners or slot.waits_for_turn or slot.num_active == 0


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _run(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()
