"""The one wrapper around all work on events: an event is acknowledged when its work is done or its failure is recorded.

An event is finished only when its work has returned, and work returns only when its outputs are confirmed. Unavailable
dependencies are waited for. If the media is unavailable, the event waits without its slot. A fault of the event or its
media becomes an answer. A device fault gets a limited number of attempts, and so does an unexpected error; then it
becomes an answer, too. `operators.internal_errors` defines what ends the process; then the event is redelivered, and
the attempt count decides when that has happened often enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from operators.errors import DeviceLost, InvalidMedia, Overloaded, SourceUnavailable
from operators.internal_errors import InternalError, boundary
from schemas.counted import counted
from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.admission import Admission, Slot
from streams.delivery.attempts import UNCLEAN_ENDS_BEFORE_EXCLUSIVE, Attempt, Attempts
from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.deferred_events import DeferredEvent
from streams.delivery.event_retries import EventRetries, RetryRules
from streams.delivery.single_flight import SingleFlight
from streams.delivery.unexpected import answer_to, report
from streams.delivery.unfinished import UnfinishedDelivery, UnfinishedEvents
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.cancellation import was_cancelled
from streams.lifecycle.clock import Clock
from streams.lifecycle.fatal_error import FatalError, WorkerExit
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.record import Record, record_of

_log = structlog.get_logger(__name__)


class EventWork(Protocol):
    """What one agent does with an event; both methods are idempotent, because an event may be redelivered."""

    async def run(self, record: Record, slot: Slot) -> None:
        """Do the work; return when every output is confirmed."""

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Publish that the event has no result from this agent, and why; return when that is confirmed."""


@dataclass(frozen=True, slots=True)
class RoleDelivery:
    """What the deliveries to all agents of a role share."""

    rules: RetryRules
    """Limits on attempts."""
    admission: Admission
    tracked_offsets: CommittableOffsets
    fatal_error: FatalError
    """Receives fatal errors."""
    clock: Clock
    """For waits."""
    unfinished: UnfinishedEvents
    """Tracks events in progress."""
    attempts: Attempts | None = None
    """Counts starts, if the work may end the process; None if it is plain Python."""
    limit: DeadLetterLimit | None = None
    """Limit on dead letters by internal faults; requires `deferred_events` in the rules."""
    last_resort: Callable[[Record, Failure], Awaitable[None]] | None = None
    """Writes the dead letter of an event whose failure could not be answered."""
    backoff: Backoff = Backoff()  # noqa: RUF009  (it is never changed)
    """Waits between attempts."""


class Delivery:
    """Delivers events of one stream to one agent's work.

    Args:
        agent: name within the role.
        work: what to do.
        shared: with the role's other agents.
    """

    def __init__(self, agent: str, work: EventWork, shared: RoleDelivery) -> None:
        self.role = shared.rules.role
        self.agent = agent
        self._work = work
        self._rules = shared.rules
        self._deferred_events = shared.rules.deferred_events
        self._admission = shared.admission
        self._tracked_offsets = shared.tracked_offsets
        self._fatal_error = shared.fatal_error
        self._clock = shared.clock
        self._unfinished = shared.unfinished
        self._attempts = shared.attempts
        self._limit = shared.limit
        self._last_resort = shared.last_resort
        self._backoff = shared.backoff
        self._in_flight = SingleFlight()
        self._deliveries: set[asyncio.Task[None]] = set()

    async def consume(self, stream: Any) -> None:
        """Consume events from a Faust stream until it ends."""
        async for event in stream.noack().events():
            await self.take(record_of(event.message))

    async def take(self, record: Record) -> None:
        """Wait for a slot and start work; returns when it has started."""
        asked_unix_seconds = self._clock.now_unix_seconds()
        slot = await self._admission.enter(record, self.agent)
        if slot is None:
            return
        metrics.EVENTS_IN.labels(self.role, self.agent).inc()
        delivery = asyncio.create_task(self._deliver(record, slot, asked_unix_seconds))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def cancel(self) -> None:
        """Cancel what runs or waits; its events are redelivered."""
        if self._deferred_events is not None:
            self._deferred_events.end()
        await self._in_flight.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    async def _deliver(self, record: Record, slot: Slot, asked_unix_seconds: float) -> None:
        try:
            await self._deliver_patiently(record, slot, asked_unix_seconds)
        except Exception as error:  # an error of this wrapper itself: slots and offsets may be wrong
            self._end_by(error, slot, record)

    async def _deliver_patiently(self, record: Record, slot: Slot, asked_unix_seconds: float) -> None:
        structlog.contextvars.bind_contextvars(video_id=_video_id(record), agent=self.agent)
        noted = self._unfinished.begin(record, self.agent)
        entered: Slot | None = slot
        try:
            while entered is not None:
                deferred = await self._traced_run(entered, record, noted, asked_unix_seconds)
                if deferred is None:
                    return
                noted.stage = "deferred"
                await deferred.may_return.wait()
                asked_unix_seconds = self._clock.now_unix_seconds()
                entered = await self._return(record, deferred, noted)
        finally:
            self._unfinished.end(noted)

    async def _traced_run(
        self, slot: Slot, record: Record, noted: UnfinishedDelivery, asked_unix_seconds: float
    ) -> DeferredEvent | None:
        """Create one span for each stay in a slot; the wait for the slot is its first part."""
        noted.stage = "working"
        with spans.consuming(self.agent, record, asked_unix_seconds) as span:
            if span.is_kept:
                structlog.contextvars.bind_contextvars(trace_id=_trace_id(span.traceparent))
            spans.span("admission", began_unix_seconds=asked_unix_seconds).end()
            return await self._run_in(slot, record, noted)

    async def _run_in(self, slot: Slot, record: Record, noted: UnfinishedDelivery) -> DeferredEvent | None:
        """Work in a slot and leave it; return the deferred event if the media is unavailable."""
        deferred: DeferredEvent | None = None
        try:
            with metrics.IN_FLIGHT.labels(self.role).track_inprogress():
                deferred = await self._outcome(slot, record, noted)
            if deferred is not None:
                await deferred.has_room.wait()
        finally:
            self._admission.leave(slot, deferred=self.agent if deferred is not None else None)
        return deferred

    async def _outcome(self, slot: Slot, record: Record, noted: UnfinishedDelivery) -> DeferredEvent | None:
        try:
            await self._in_flight.join(record.place, lambda: self._settle(record, slot, noted))
        except asyncio.CancelledError:
            slot.was_cancelled = True
            raise
        except SourceUnavailable as unavailable:
            return self._defer_event(slot, record, unavailable)
        except DeviceLost as lost:
            self._give_back(slot, record, lost)
        except Exception as error:  # fatal: the process exits, and the event is not acknowledged
            self._end_by(error, slot, record)
        else:
            self._finish(record)
        return None

    def _end_by(self, error: Exception, slot: Slot, record: Record) -> None:
        slot.has_crashed = True
        spans.current().note("failure", "crash")
        self._fatal_error.report(error, role=self.role, place=record.place)

    def _give_back(self, slot: Slot, record: Record, lost: DeviceLost) -> None:
        """Put the event back; the process exits. Only an event that was on the device may have caused the fault, so
        only it is counted."""
        if lost.was_on_device:
            slot.has_crashed = True
        else:
            slot.was_cancelled = True
        if lost.was_on_device or not self._fatal_error.happened.is_set():
            self._fatal_error.report(lost, WorkerExit.DEVICE_LOST, role=self.role, place=record.place)

    def _defer_event(self, slot: Slot, record: Record, unavailable: SourceUnavailable) -> DeferredEvent | None:
        if self._deferred_events is None:
            self._end_by(unavailable, slot, record)
            return None
        if self._admission.is_over(record):
            slot.was_cancelled = True
            return None
        return self._deferred_events.defer_event(record, slot, unavailable)

    async def _return(self, record: Record, deferred: DeferredEvent, noted: UnfinishedDelivery) -> Slot | None:
        """Acquire a slot again; None if the event is redelivered instead."""
        noted.stage = "returning"
        return None if deferred.is_over else await self._admission.enter(record, self.agent)

    def _finish(self, record: Record) -> None:
        metrics.EVENTS_FINISHED.labels(self.role, self.agent).inc()
        place = record.place
        if self._deferred_events is not None:
            self._deferred_events.forget(place)
        self._tracked_offsets.finish(
            (place.topic, place.partition), place.offset, agent=self.agent, generation=record.generation
        )

    async def _settle(self, record: Record, slot: Slot, noted: UnfinishedDelivery) -> None:
        failure = await self._hopelessness(record, slot) or await self._failure(record, slot, noted)
        if failure is None:
            return
        if self._limit is not None:
            self._limit.require_room(record.place, failure)
        noted.stage = "failing"
        slot.has_failure = True
        spans.current().note("failure", failure.cause)
        _log.info("event failed", cause=failure.cause, message=failure.message, place=record.place)
        await self._answer(record, slot, failure)

    async def _answer(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Let the work publish that there is no result; if that fails, write a dead letter."""
        num_errors = 0
        for delay_seconds in self._backoff.delays():
            try:
                await self._guarded(self._work.fail(record, slot, failure), record)
            except (InternalError, InvalidEvent, InvalidMedia, Overloaded) as found:
                error = found if isinstance(found, InternalError) else InternalError("work", found)
                num_errors += 1
                report(error, self.role, record.place)
                if self._rules.is_enough(error, num_errors):
                    await self._leave_dead_letter(record, answer_to(error))
                    return
            else:
                return
            await self._clock.sleep(delay_seconds)

    async def _leave_dead_letter(self, record: Record, failure: Failure) -> None:
        if self._last_resort is not None:
            await self._last_resort(record, failure)

    async def _guarded(self, work: Awaitable[None], record: Record) -> None:
        """Run work for one event; an unexpected error becomes an InternalError if this role answers those."""
        if self._rules.internal_error_attempts is None:
            await work
            return
        with boundary("work"):
            await self._uncancelled(work, record)

    async def _uncancelled(self, work: Awaitable[None], record: Record) -> None:
        """Turn a cancellation that nobody requested into an error: a library raised it, and the event would never be
        finished, unless its generation is over and it is redelivered anyway."""
        try:
            await work
        except asyncio.CancelledError as error:
            if was_cancelled() or self._admission.is_over(record):
                raise
            raise InternalError("work", "CancelledError: what it waited for was cancelled beneath it") from error

    async def _failure(self, record: Record, slot: Slot, noted: UnfinishedDelivery) -> Failure | None:
        """Do the work; return why it has no result, or None."""
        tries = EventRetries(self._rules, record)
        for delay_seconds in self._backoff.delays():
            noted.stage = "working"
            try:
                await self._guarded(self._work.run(record, slot), record)
            except Exception as error:
                failure = tries.judge(error)
                if failure is not None:
                    return failure
            else:
                return None
            noted.stage = "retrying"
            await self._clock.sleep(delay_seconds)
        raise AssertionError("delays never end")

    async def _hopelessness(self, record: Record, slot: Slot) -> Failure | None:
        """Count the start and wait until the event may run; return a failure if it must not run at all."""
        if self._attempts is None:
            return None
        attempt = await slot.once("attempt", lambda: self._begin(record, slot))
        if not attempt.is_hopeless:
            return None
        return Failure(cause="crash-loop", message=_deaths(attempt))

    async def _begin(self, record: Record, slot: Slot) -> Attempt:
        assert self._attempts is not None
        attempt = await self._attempts.begin(record.place)
        if attempt.must_run_exclusively and not attempt.is_hopeless:
            _log.warning("running exclusively after crashes", place=record.place, unclean_ends=attempt.unclean_ends)
            self._admission.await_turn(slot)  # this role's other events continue: another role's may take minutes
            await self._attempts.take_turn(record.place)
            await self._admission.alone(slot)
            await self._attempts.begin_exclusively(record.place)
            slot.is_exclusive = True
        return attempt


def _deaths(attempt: Attempt) -> str:
    alone, starved = counted(attempt.exclusive_deaths, "time"), counted(attempt.exclusive_memory_deaths, "time")
    with_memory = f", and {starved} with its parent, as the kernel killed for lack of memory"
    return (
        f"the worker died {alone} by itself with this event alone in it"
        f"{with_memory if attempt.exclusive_memory_deaths else ''}, after {UNCLEAN_ENDS_BEFORE_EXCLUSIVE} deaths"
        " with others in flight"
    )


def _trace_id(traceparent: bytes | None) -> str:
    return (traceparent or b"").decode("ascii").split("-")[1]


def _video_id(record: Record) -> str | None:
    return record.key.decode("utf-8", "replace") if record.key is not None else None
