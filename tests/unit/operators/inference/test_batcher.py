"""Many callers, one device: everybody gets the own answer, and only the guilty get an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

import numpy as np
import pytest

from operators.errors import DeviceFault, DeviceFull, ModelFault, Overloaded
from operators.inference.batch_policy import BatchLimits
from operators.inference.batcher import Batcher
from operators.inference.inference import Inference
from operators.inference.request_context import ModelOutput
from tests.unit.operators.inference.fakes import (
    CountingObserver,
    FakeBackend,
    context,
    number,
    number_card,
    open_inference,
    queued,
)


async def run_together(backend: FakeBackend, inference: Inference, values: range) -> list[ModelOutput | BaseException]:
    """Submit numbers while the device is busy, so that they share batches; return outcomes in order."""
    plug = await backend.plugged(inference)
    batcher = inference.batcher("doubler")
    tasks = [asyncio.create_task(batcher.submit(number(value), context(f"v{value % 3}"))) for value in values]
    await queued()
    backend.gate.set()
    await asyncio.wait([plug])
    return await asyncio.gather(*tasks, return_exceptions=True)


def doubled(outcome: ModelOutput | BaseException) -> float:
    assert isinstance(outcome, ModelOutput), outcome
    return float(outcome.values[0])


class TestSubmit:
    async def test_answers_one_item(self) -> None:
        """A lone item runs at once, in a batch of its own."""
        inference = await open_inference(FakeBackend())
        output = await inference.batcher("doubler").submit(number(21), context())
        await inference.close()
        assert (doubled(output), output.batch_items, output.batch_videos) == (42.0, 1, 1)
        assert output.values[0].dtype == np.float32

    async def test_everybody_gets_the_own_answer(self) -> None:
        """Items that share a batch are not mixed up, and know whom they shared it with."""
        backend = FakeBackend()
        inference = await open_inference(backend)
        outcomes = await run_together(backend, inference, range(1, 17))
        await inference.close()
        assert [2.0 * value for value in range(1, 17)] == [doubled(outcome) for outcome in outcomes]
        assert {(16, 3)} == {(outcome.batch_items, outcome.batch_videos) for outcome in outcomes}  # type: ignore[union-attr]

    async def test_padding_is_paid_by_the_items(self) -> None:
        """Three items in a batch of four carry the device seconds of four."""
        backend = FakeBackend()
        inference = await open_inference(backend)
        outcomes = await run_together(backend, inference, range(1, 4))
        await inference.close()
        paid = [outcome.device_seconds for outcome in outcomes if isinstance(outcome, ModelOutput)]
        assert pytest.approx([0.04 / 3] * 3) == paid

    @pytest.mark.parametrize("item", [np.zeros((2,), dtype=np.int64), np.zeros((1,), dtype=np.float32)])
    async def test_refuses_another_shape_or_dtype(self, item: np.ndarray) -> None:
        """An item that cannot be stacked is refused before it meets others."""
        inference = await open_inference(FakeBackend())
        with pytest.raises(ValueError, match=r"takes \(1,\) int64, got"):
            await inference.batcher("doubler").submit(item, context())
        await inference.close()

    async def test_waits_for_room(self) -> None:
        """With a full queue, submit waits instead of failing, and all are answered in the end."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=2))
        outcomes = await run_together(backend, inference, range(1, 12))
        await inference.close()
        assert [2.0 * value for value in range(1, 12)] == [doubled(outcome) for outcome in outcomes]
        assert max(len(numbers) for _, numbers in backend.batches) <= 2


class TestSubmitMany:
    async def test_answers_in_order(self) -> None:
        """The outputs stand in the order of the items, also where they are more than the queue holds."""
        inference = await open_inference(FakeBackend(), limits=BatchLimits(max_waiting_items=3))
        outputs = await inference.batcher("doubler").submit_many([number(value) for value in range(40)], context())
        await inference.close()
        assert [2.0 * value for value in range(40)] == [doubled(output) for output in outputs]

    async def test_nothing_to_ask(self) -> None:
        """No items, no outputs."""
        inference = await open_inference(FakeBackend())
        assert await inference.batcher("doubler").submit_many([], context()) == []
        await inference.close()

    async def test_first_failure_reaches_the_caller(self) -> None:
        """A poison item fails its own call, not the call of another video in the same batch."""
        backend = FakeBackend(poison=frozenset({2}))
        inference = await open_inference(backend)
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        guilty = asyncio.create_task(batcher.submit_many([number(1), number(2)], context("a")))
        innocent = asyncio.create_task(batcher.submit_many([number(3), number(4)], context("b")))
        await queued()
        backend.gate.set()
        with pytest.raises(ModelFault):
            await guilty
        assert [doubled(output) for output in await innocent] == [6.0, 8.0]
        await plug
        await inference.close()


class TestIsolation:
    @pytest.mark.parametrize("poison", [{1}, {16}, {7, 8}, {1, 6, 11, 16}, set(range(1, 17))])
    async def test_bisecting_finds_exactly_the_poison(self, poison: set[int]) -> None:
        """Only the callers of poison items get an error, and it names what the model said."""
        backend, observer = FakeBackend(poison=frozenset(poison)), CountingObserver()
        inference = await open_inference(backend, observer=observer)
        outcomes = await run_together(backend, inference, range(1, 17))
        await inference.close()
        failed = {value for value, outcome in enumerate(outcomes, start=1) if isinstance(outcome, ModelFault)}
        assert poison == failed
        assert all(doubled(outcome) == 2 * value for value, outcome in enumerate(outcomes, 1) if value not in poison)
        assert len(poison) == observer.runs[-1].failed_items

    async def test_bisecting_keeps_to_the_shapes(self) -> None:
        """Halves are padded to allowed sizes, down to a single item in the smallest one."""
        backend = FakeBackend(poison=frozenset({5}))
        inference = await open_inference(backend, number_card(batch_sizes=(4, 8)))
        outcomes = await run_together(backend, inference, range(1, 9))
        await inference.close()
        assert sum(isinstance(outcome, ModelFault) for outcome in outcomes) == 1
        assert {4, 8} == {len(numbers) for _, numbers in backend.batches}

    async def test_poison_costs_no_fresh_runner(self) -> None:
        """A refused item is the model's answer, not the device's failure."""
        backend = FakeBackend(poison=frozenset({5}))
        inference = await open_inference(backend)
        await run_together(backend, inference, range(1, 9))
        await inference.close()
        assert backend.num_loads == 1

    async def test_a_number_that_is_not_finite_fails_its_row_alone(self) -> None:
        """NaN never reaches a caller as a result, and costs the neighbours nothing, not even a second run."""
        backend = FakeBackend(without_result=frozenset({3}))
        inference = await open_inference(backend)
        outcomes = await run_together(backend, inference, range(1, 5))
        await inference.close()
        assert isinstance(outcomes[2], ModelFault)
        assert [doubled(outcome) for outcome in outcomes if outcome is not outcomes[2]] == [2.0, 4.0, 8.0]
        assert len(backend.batches) == 2  # the plug and the batch


class TestDeviceFault:
    async def test_one_fresh_runner_saves_the_batch(self) -> None:
        """After one fault the same items run again on a fresh runner, and nobody notices."""
        backend, observer = FakeBackend(faults_left=1), CountingObserver()
        inference = await open_inference(backend, observer=observer)
        output = await inference.batcher("doubler").submit(number(4), context())
        await inference.close()
        assert (doubled(output), backend.num_loads, observer.renewals) == (8.0, 2, ["doubler"])

    async def test_a_second_fault_reaches_every_caller(self) -> None:
        """Retries are bounded: after the fresh runner failed too, all items of the batch fail."""
        backend = FakeBackend()
        inference = await open_inference(backend)
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        tasks = [asyncio.create_task(batcher.submit(number(value), context())) for value in range(1, 5)]
        await queued()
        backend.cursed = frozenset(range(1, 5))
        backend.gate.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [DeviceFault] * 4 == [type(outcome) for outcome in outcomes]
        assert (doubled(await plug), backend.num_loads) == (0.0, 2)
        backend.cursed = frozenset()
        assert doubled(await batcher.submit(number(1), context())) == 2.0
        await inference.close()

    async def test_a_runner_that_cannot_be_renewed_is_opened_by_the_next_batch(self) -> None:
        """A device that was full, and has room later, is taken into service again."""
        backend = FakeBackend(faults_left=1, bug=DeviceFull("no room"))
        inference = await open_inference(backend)
        batcher = inference.batcher("doubler")
        with pytest.raises(DeviceFull, match="no room"):
            await batcher.submit(number(1), context())
        backend.bug = None
        assert doubled(await batcher.submit(number(1), context())) == 2.0
        await inference.close()

    async def test_a_bug_reaches_the_callers_and_the_thread_lives_on(self) -> None:
        """What nobody foresaw crashes the caller, never the device's thread."""
        backend = FakeBackend(faults_left=1, bug=KeyError("bug"))
        inference = await open_inference(backend)
        batcher = inference.batcher("doubler")
        with pytest.raises(KeyError, match="bug"):
            await batcher.submit(number(1), context())
        backend.bug = None
        assert doubled(await batcher.submit(number(1), context())) == 2.0
        await inference.close()


class TestWakeUps:
    async def test_a_batch_wakes_the_loop_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """While the queue has room, callers get it together with the answers."""
        inference = await open_inference(FakeBackend())
        loop, woken = asyncio.get_running_loop(), []
        call = loop.call_soon_threadsafe
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *what: (woken.append(what), call(*what))[1])
        await inference.batcher("doubler").submit(number(1), context())
        assert len(woken) == 1
        await inference.close()

    async def test_room_is_not_lost(self) -> None:
        """Many times more items than the queue holds, one at a time and together: all are answered."""
        inference = await open_inference(FakeBackend(), limits=BatchLimits(max_waiting_items=9))
        batcher = inference.batcher("doubler")
        for value in range(30):
            assert doubled(await batcher.submit(number(value), context())) == 2.0 * value
        outputs = await batcher.submit_many([number(value) for value in range(30)], context())
        assert [doubled(output) for output in outputs] == [2.0 * value for value in range(30)]
        await inference.close()

    async def test_a_crowded_queue_takes_more_while_the_device_works(self) -> None:
        """Its callers do not wait for the running batch: the next one can be complete."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=4))
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        tasks = [asyncio.create_task(batcher.submit(number(value), context())) for value in range(1, 5)]
        await queued()
        backend.gate.set()
        outputs = await asyncio.gather(*tasks)
        assert {output.batch_items for output in outputs} == {4}
        await plug
        await inference.close()


class TestCancel:
    async def test_cancelled_items_never_reach_the_device(self) -> None:
        """An item whose caller has gone leaves the queue and gives its room back."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=1))
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        gone = asyncio.create_task(batcher.submit(number(7), context()))
        waits_for_room = asyncio.create_task(batcher.submit(number(8), context()))
        await queued()
        gone.cancel()
        await queued()
        backend.gate.set()
        assert doubled(await waits_for_room) == 16.0
        assert gone.cancelled()
        assert 7 not in [value for _, numbers in backend.batches for value in numbers]
        await plug
        await inference.close()

    async def test_a_caller_may_go_while_the_device_works(self) -> None:
        """The answer is dropped; others and later ones are served."""
        backend = FakeBackend()
        inference = await open_inference(backend)
        plug = await backend.plugged(inference)
        plug.cancel()
        await queued()
        backend.gate.set()
        assert doubled(await inference.batcher("doubler").submit(number(1), context())) == 2.0
        assert plug.cancelled()
        await inference.close()

    async def test_a_caller_may_go_while_it_waits_for_room(self) -> None:
        """Its place in the line for room is free again, and draining does not wait for it."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=1))
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        many = asyncio.create_task(batcher.submit_many([number(value) for value in (1, 2, 3)], context()))
        await queued()
        many.cancel()
        await queued()
        backend.gate.set()
        await inference.drain()
        assert (many.cancelled(), plug.done()) == (True, True)
        await inference.close()


class TestObserver:
    async def test_is_told_of_every_batch(self) -> None:
        """Items, videos, padding and device seconds of a batch are reported once."""
        backend, observer, begun = FakeBackend(), CountingObserver(), time.monotonic()
        inference = await open_inference(backend, observer=observer)
        await run_together(backend, inference, range(1, 4))
        await inference.close()
        run = observer.runs[-1]
        assert (run.model, run.items, run.failed_items, run.videos, run.padded_slots) == ("doubler", 3, 0, 3, 1)
        assert pytest.approx(0.04) == run.device_seconds
        assert 0 < run.queue_age_seconds < time.monotonic() - begun


class TestDrainAndClose:
    async def test_drain_answers_everybody_and_takes_nothing_new(self) -> None:
        """What was submitted is answered; later callers are told to go elsewhere."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=2))
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        many = asyncio.create_task(batcher.submit_many([number(value) for value in range(9)], context()))
        await queued()
        draining = asyncio.create_task(inference.drain())
        await queued()
        await refused(batcher)
        assert not draining.done()
        backend.gate.set()
        await draining
        assert (plug.done(), len(await many)) == (True, 9)
        await inference.close()

    async def test_drain_of_an_idle_device_returns(self) -> None:
        """Nothing waits, nothing to wait for."""
        inference = await open_inference(FakeBackend())
        await inference.drain()
        await refused(inference.batcher("doubler"))
        await inference.close()

    async def test_close_answers_all_waiting_callers(self) -> None:
        """The running batch ends with its answer; queued items and those without room are told to return."""
        backend = FakeBackend()
        inference = await open_inference(backend, limits=BatchLimits(max_waiting_items=1))
        plug = await backend.plugged(inference)
        batcher = inference.batcher("doubler")
        tasks = [asyncio.create_task(batcher.submit(number(value), context())) for value in (1, 2, 3)]
        await queued()
        closing = asyncio.create_task(inference.close())
        for task in tasks:
            with pytest.raises(Overloaded, match="was closed"):
                await task
        backend.gate.set()
        await closing
        await queued()
        assert backend.num_open == 0
        assert doubled(plug.result()) == 0.0
        assert backend.batches == [("doubler", [0])]
        await refused(batcher)

    async def test_close_may_be_repeated(self) -> None:
        """A second close changes nothing."""
        backend = FakeBackend()
        inference = await open_inference(backend)
        for _ in range(2):
            await inference.close()
            assert (backend.num_open, backend.num_loads) == (0, 1)
            await refused(inference.batcher("doubler"))


async def refused(batcher: Batcher) -> None:
    attempt: Awaitable[ModelOutput] = batcher.submit(number(1), context())
    with pytest.raises(Overloaded, match="takes nothing new"):
        await attempt
