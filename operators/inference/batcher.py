"""Combines the items of many agents into batches: each agent awaits its own result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from models.card import Card
from operators.errors import DeviceLost, Overloaded
from operators.inference.batch_policy import Batch, BatchLimits, BatchPolicy, Clock
from operators.inference.device_thread import DeviceThread
from operators.inference.isolation import IsolatedRun, Outcome
from operators.inference.loaded_model import RequestTerms
from operators.inference.observer import BatchRun, InferenceObserver
from operators.inference.request_context import LANES, Lane, ModelOutput, RequestContext
from operators.inference.runner import RowOutput, Runner
from operators.tracing import NO_SPAN, Tracer, TraceSpan

_CROWDED_DIVISOR = 4
"""A queue with a quarter of its items may fill up before the batch ends, so its callers get their room at once. Below
that they get it with the answers, because waking the loop twice costs as much as everything else about a batch."""


class PendingItem(msgspec.Struct, frozen=True, eq=False):
    """An item whose caller still waits."""

    item: np.ndarray
    lane: Lane
    answer: asyncio.Future[ModelOutput]
    call: TraceSpan
    """Span of the call that submitted it."""


@dataclass(frozen=True, slots=True, eq=False)
class CompletedBatch:
    """A completed batch."""

    batch: Batch
    outcomes: Sequence[Outcome | Exception]
    """One outcome per row."""
    cpu_seconds: float = 0.0

    def output_of(self, row: RowOutput, model: str, mode: str) -> ModelOutput:
        """Return the result for the caller of a row."""
        num_items = len(self.batch.items)
        cpu_seconds = self.cpu_seconds / num_items
        return ModelOutput(
            row.values, row.device_seconds, num_items, self.batch.videos, cpu_seconds, model, mode, row.usage
        )


@dataclass(frozen=True, slots=True, eq=False)
class TakenBatch:
    """A batch that has left the queue, with the items of its callers."""

    batch: Batch
    entries: Sequence[PendingItem]
    is_room_made: bool
    """Whether the loop is told already that there is room in the queue."""


class Batcher:
    """The batcher of one model, for items of one shape; its methods belong to the event loop in which it was created.

    It has a runner for each thread of the device, and a batch runs on that of the thread which takes it.

    Its queue is limited per priority class: `submit` waits for room. So callers that produce items faster than the
    device computes them are slowed down, and memory is limited to `max_waiting_items` items per class.
    """

    def __init__(
        self,
        runners: Sequence[Runner],
        device: DeviceThread,
        limits: BatchLimits,
        observer: InferenceObserver,
        clock: Clock,
        tracer: Tracer,
        item_shape: tuple[int, ...] | None = None,
    ) -> None:
        runner = runners[0]
        limits = limits.holding(len(runners) * runner.batch_sizes[-1])
        self._runners = runners
        self._card = runner.card
        self._item_shape = item_shape or runner.card.input_shape
        self._device = device
        self._observer = observer
        self._clock = clock
        self._tracer = tracer
        self._loop = asyncio.get_running_loop()
        self._policy = BatchPolicy(runner.batch_sizes, limits, clock, runner.brief_batch_sizes)
        self._max_waiting_items = limits.waiting_items
        self._room = {lane: asyncio.Semaphore(limits.waiting_items) for lane in LANES}
        self._pending: dict[int, PendingItem] = {}
        self._mode = runner.mode
        self._refuses = False
        self._closed = False
        self._num_unanswered = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    @property
    def card(self) -> Card:
        """Card of the model."""
        return self._card

    @property
    def mode(self) -> str:
        """Engine and precision of the model on this device, such as `torch-bfloat16`; part of a signal's
        fingerprint."""
        return self._mode

    @property
    def served_as(self) -> str:
        """See `ServerModel.served_as`; empty for a model of this machine. Part of a signal's fingerprint, too."""
        return self._runners[0].served_as

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that it uses on this device, ascending."""
        return self._runners[0].batch_sizes

    async def submit(self, item: np.ndarray, context: RequestContext) -> ModelOutput:
        """Return the model's output for one item; waits for room in the queue first.

        If the caller is cancelled, its item leaves the queue, or its result is dropped if the device has it already.

        Args:
            item: `card.input_shape` of `card.input_dtype`; must not change until the result is returned.
            context: of the item's video.

        Raises:
            ValueError: the item has another shape or dtype.
            ModelFault: the model rejected this very item, or returned a number that is not finite.
            DeviceFault: the device failed, and failed again on a new runner.
            DeviceLost: the device fails on every call.
            ServerUnavailable: the model is on a server that does not answer.
            Overloaded: the batcher drains or is closed, or a server has no room; submit the work elsewhere or later.
        """
        self._check_open()
        with self._call(context, 1) as call:
            return await (await self._enqueue(item, context, call))

    async def submit_many(self, items: Sequence[np.ndarray], context: RequestContext) -> list[ModelOutput]:
        """Return the model's output for each item, in order.

        Raises:
            Exception: as `submit`; the first failure drops the items that still wait.
        """
        self._check_open()
        answers: list[asyncio.Future[ModelOutput]] = []
        try:
            with self._call(context, len(items)) as call:
                for item in items:
                    answers.append(await self._enqueue(item, context, call))
                return await asyncio.gather(*answers)
        finally:
            _forget(answers)

    def hold(self, lane: Lane | None) -> None:
        """Keep the items of a priority class off the device until the next call; a running batch ends first."""
        with self._device.lock:
            self._policy.hold(lane)
            self._device.lock.notify()

    async def drain(self) -> None:
        """Reject new items from now on, and return when every waiting caller has a result."""
        self._refuses = True
        await self._all_answered.wait()

    def close(self) -> None:
        """Reject new items, and answer callers in the queue with `Overloaded`."""
        self._refuses = self._closed = True
        with self._device.lock:
            abandoned = list(self._pending.values())
        for entry in abandoned:
            if not entry.answer.done():
                entry.answer.set_exception(Overloaded(f"the batcher of {self.card.name} was closed"))

    def _call(self, context: RequestContext, num_items: int) -> TraceSpan:
        return self._tracer.span("model call", model=self.card.name, items=num_items, lane=context.lane)

    async def _enqueue(self, item: np.ndarray, context: RequestContext, call: TraceSpan) -> asyncio.Future[ModelOutput]:
        self._check_item(item)
        self._owe_answer()
        try:
            await self._room[context.lane].acquire()
        except BaseException:
            self._end_answer()
            raise
        entry = PendingItem(item, context.lane, self._loop.create_future(), call)
        self._join_queue(entry, context)
        return entry.answer

    def _check_open(self) -> None:
        # Once per call: a video whose items were being submitted when draining began is still answered completely.
        if self._refuses:
            raise Overloaded(f"the batcher of {self.card.name} takes nothing new")

    def _check_item(self, item: np.ndarray) -> None:
        if item.shape != self._item_shape or item.dtype != self.card.input_dtype:
            raise ValueError(
                f"model {self.card.name} takes {self._item_shape} {self.card.input_dtype},"
                f" got {item.shape} {item.dtype}"
            )

    def _owe_answer(self) -> None:
        self._num_unanswered += 1
        self._all_answered.clear()

    def _end_answer(self) -> None:
        self._num_unanswered -= 1
        if self._num_unanswered == 0:
            self._all_answered.set()

    def _join_queue(self, entry: PendingItem, context: RequestContext) -> None:
        with self._device.lock:
            token = self._policy.add(context)
            self._pending[token] = entry
            self._device.lock.notify()
        entry.answer.add_done_callback(partial(self._settle, token))
        if self._closed:  # while this caller waited for room
            entry.answer.set_exception(Overloaded(f"the batcher of {self.card.name} was closed"))

    def _settle(self, token: int, _answer: asyncio.Future[ModelOutput]) -> None:
        """Called when an item has its answer, or its caller has gone."""
        self._end_answer()
        if token in self._pending:  # otherwise the device took it; an item that it takes meanwhile is found below
            self._leave_queue(token)

    def _leave_queue(self, token: int) -> None:
        with self._device.lock:
            entry = self._pending.pop(token, None)
            self._policy.discard(token)
        if entry is not None:  # otherwise the device took it, which releases its room
            self._make_room([entry])

    def _make_room(self, entries: Sequence[PendingItem]) -> None:
        for entry in entries:
            self._room[entry.lane].release()

    def _hand_out(self, taken: TakenBatch, ran: CompletedBatch) -> None:
        if not taken.is_room_made:
            self._make_room(taken.entries)
        for entry, outcome in zip(taken.entries, ran.outcomes, strict=True):
            if entry.answer.done():
                continue  # its caller was cancelled
            if isinstance(outcome, RowOutput):
                entry.answer.set_result(ran.output_of(outcome, self.card.name, self._mode))
            else:
                entry.answer.set_exception(outcome)

    # The methods below run on the device's threads.

    def oldest_seconds(self, lane: Lane) -> float | None:
        """See `WorkQueue.oldest_seconds`."""
        return self._policy.oldest_seconds(lane)

    def run_next(self) -> None:
        """See `WorkQueue.run_next`."""
        taken = self._take_batch()
        if taken is None:
            return  # all waiting callers were cancelled since the batch was scheduled
        if taken.is_room_made:
            self._tell_loop(partial(self._make_room, taken.entries))
        with self._batch_span(taken.batch, [entry.call for entry in taken.entries]):
            ran = self._run(taken.batch, [entry.item for entry in taken.entries])
        self._tell_loop(partial(self._hand_out, taken, ran))

    def _take_batch(self) -> TakenBatch | None:
        with self._device.lock:
            is_crowded = len(self._policy) * _CROWDED_DIVISOR >= self._max_waiting_items
            batch = self._policy.next_batch()
            entries = [] if batch is None else [self._pending.pop(item.token) for item in batch.items]
        return None if batch is None else TakenBatch(batch, entries, is_room_made=is_crowded)

    def _batch_span(self, batch: Batch, calls: Sequence[TraceSpan]) -> TraceSpan:
        """Start the batch's span as a child of the first call's trace, linked with the calls of every trace in the
        batch."""
        kept = list(dict.fromkeys(call for call in calls if call.is_kept))
        if not kept:
            return NO_SPAN
        span = self._tracer.span(
            "batch",
            parent=kept[0],
            links=kept,
            model=self.card.name,
            items=len(batch.items),
            videos=batch.videos,
            size=batch.size,
            queue_age_seconds=batch.queue_age_seconds,
        )
        for call in kept:
            call.link(span)
        return span

    def _run(self, batch: Batch, rows: list[np.ndarray]) -> CompletedBatch:
        if self._device.lost is not None:
            return CompletedBatch(batch, [DeviceLost(str(self._device.lost), was_on_device=False)] * len(rows))
        isolated = IsolatedRun(
            self._runners[self._device.number],
            partial(self._observer.runner_renewed, self.card.name),
            RequestTerms(max(item.context.due_seconds for item in batch.items) - self._clock()),
        )
        try:
            outcomes = isolated.run(rows, batch.size)
            lost = next((outcome for outcome in outcomes if isinstance(outcome, DeviceLost)), None)
            self._device.lost = lost or self._device.lost  # another thread of the device may have set it meanwhile
            cpu_seconds = self._device.lap_cpu_seconds()
            self._observe(batch, outcomes, cpu_seconds)
        except Exception as bug:
            # The thread must survive, and the callers must not wait forever: they get the error and crash instead.
            return CompletedBatch(batch, [bug] * len(rows))
        return CompletedBatch(batch, outcomes, cpu_seconds)

    def _observe(self, batch: Batch, outcomes: Sequence[Outcome], cpu_seconds: float) -> None:
        answered = [outcome for outcome in outcomes if isinstance(outcome, RowOutput)]
        self._observer.batch_ran(
            BatchRun(
                model=self.card.name,
                items=len(batch.items),
                failed_items=len(outcomes) - len(answered),
                videos=batch.videos,
                padded_slots=batch.padded_slots,
                device_seconds=sum(output.device_seconds for output in answered),
                queue_age_seconds=batch.queue_age_seconds,
                cpu_seconds=cpu_seconds,
            )
        )

    def _tell_loop(self, tell: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # a closed loop has no callers left
            self._loop.call_soon_threadsafe(tell)


def _forget(answers: Sequence[asyncio.Future[ModelOutput]]) -> None:
    """Cancel pending results; consume errors of the others that nobody will read."""
    for answer in answers:
        if not answer.cancel() and not answer.cancelled():
            answer.exception()
