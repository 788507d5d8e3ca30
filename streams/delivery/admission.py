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
        """Agents that received the event in this generation."""
        self.num_active = 0
        """Number of deliveries in the slot, including those of earlier generations."""
        self.waits_for_turn = False
        """The event must run exclusively while another role has an exclusive event; nothing waits for it."""
        self.is_exclusive = False
        self.has_crashed = False
        self.was_cancelled = False
        self.has_failure = False
        """An agent has answered that there is no result, and why."""
        self.deferred: set[str] = set()
        """Agents that left and return once the media can be fetched."""
        self.closed = asyncio.Event()
        """Set when everything in the slot has ended."""
        self._shared: dict[str, asyncio.Task[Any]] = {}
        self._clean_ups: list[Callable[[], Awaitable[None]]] = []

    @property
    def has_result(self) -> bool:
        """Whether all agents have ended with a result."""
        return not (self.has_failure or self.has_crashed or self.was_cancelled or self.deferred)

    async def once(self, name: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run `work` for the first caller; concurrent callers with the same name get its result or its error. A caller
        after an error runs it again."""
        if name not in self._shared or _has_failed(self._shared[name]):
            self._shared[name] = asyncio.ensure_future(_run(work))
        result: Result = await asyncio.shield(self._shared[name])
        return result

    async def known(self, name: str) -> object | None:
        """Return the result of `once` for that name, or None if it was not called or failed; waits while it runs."""
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
        """Whether new events are admitted; events with a slot continue in any case."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the gate opens."""


class ProbingGate(AdmissionGate, Protocol):
    """A gate that is informed of events that start and end; see `streams.delivery.dead_letter_limit`."""

    @property
    def wants_new(self) -> bool:
        """Whether a waiting new event is admitted before events that return."""

    def begun(self, place: Place) -> None:
        """Called when an event got a slot."""

    def left(self, slot: Slot) -> None:
        """Called when an event has left its slot."""


class OpenGate:
    """A gate that is always open."""

    is_open = True
    wants_new = False

    def listen(self, changed: Callable[[], None]) -> None:
        """Do nothing: the gate never changes."""

    def begun(self, place: Place) -> None:
        """Do nothing."""

    def left(self, slot: Slot) -> None:
        """Do nothing."""


class Admission:
    """The slots of one app.

    Args:
        capacity: maximum number of concurrent events.
        agents: names of the app's agents; an event is complete when all of them have processed it.
        on_release: called with each released slot; closes it.
        on_suspend: called when a generation ends.
        gate: closed while no new event may start.
        probation: a second gate, which is informed of every event.
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
        """Agents that return to an event; agents that have finished it do not."""
        self._waiting_readmissions: Counter[Place] = Counter()
        """Events that returned and wait for a slot; they go before new ones, see `_is_next`."""
        self._num_new_waiting = 0
        self._exclusive_slots: list[Slot] = []
        """Slots that run exclusively or wait for it, in order."""
        self._generation = -1
        self._is_suspended = True
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def num_running(self) -> int:
        """Number of events whose work has not ended."""
        return sum(slot.num_active > 0 for slot in self._slots.values())

    @property
    def num_slots(self) -> int:
        """Number of slots that are taken."""
        return len(self._slots)

    @property
    def is_full(self) -> bool:
        """Whether no slot is free for a new event, although a generation runs and the gate is open."""
        return len(self._slots) >= self._capacity or bool(self._exclusive_slots) or bool(self._waiting_readmissions)

    async def enter(self, record: Record, agent: str) -> Slot | None:
        """Wait for a slot. Returns None if the record's generation is over: the record is redelivered here or
        elsewhere."""
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
        """End one delivery of the slot's event; with `deferred`, that agent returns later."""
        slot.num_active -= 1
        if deferred is not None:
            slot.deferred.add(deferred)
        self._release_if_through(slot)
        self._changed()

    def await_turn(self, slot: Slot) -> None:
        """Note that the event waits to run exclusively while another role has an exclusive event; its own role
        continues."""
        slot.waits_for_turn = True
        self._changed()

    async def alone(self, slot: Slot) -> None:
        """Wait until the slot's event is the only one that runs; nothing else is admitted until it has left."""
        if slot not in self._exclusive_slots:
            slot.waits_for_turn = False
            self._exclusive_slots.append(slot)
            self._changed()  # an earlier exclusive event may have waited for this one to end
        await self._until(lambda: self._exclusive_slots[0] is slot and self._others_ended())

    def suspend(self) -> None:
        """End a generation: admit nothing, and do not wait for agents that never received their event."""
        self._is_suspended = True
        self._returning.clear()
        if self._on_suspend is not None:
            self._on_suspend()
        for slot in list(self._slots.values()):
            self._release_if_through(slot)
        self._changed()

    def resume(self, generation: int) -> None:
        """Start a generation."""
        self._generation = generation
        self._is_suspended = False
        self._changed()

    async def until_idle(self) -> None:
        """Return when no event is in progress."""
        await self._until(lambda: self.num_running == 0)

    def is_over(self, record: Record) -> bool:
        """Return whether the record's generation is over: it is redelivered here or elsewhere."""
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
            self._waiting_readmissions += Counter()  # removes zero counts
            self._changed()

    def _has_room(self, record: Record) -> bool:
        is_free = len(self._slots) < self._capacity and not self._exclusive_slots
        is_let_in = self._gate.is_open and self._probation.is_open
        return is_free and is_let_in and self._is_next(record.place)

    def _is_next(self, place: Place) -> bool:
        """Return whether this event may take the next free slot. Returning events go first. While the gate probes with
        one event at a time, new events go first: returning ones may fail at each attempt and would block all others."""
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


def _is_out_of_the_way(slot: Slot, exclusive: list[Slot]) -> bool:
    return slot in exclusive or slot.waits_for_turn or slot.num_active == 0


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _run(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()
