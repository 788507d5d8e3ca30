"""Opening and closing a device with its models."""

from __future__ import annotations

import asyncio

import pytest

from operators.errors import DeviceFault
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card, open_inference, queued


class TestInference:
    async def test_knows_its_models(self) -> None:
        """A model that is not open is refused, naming those that are."""
        inference = await open_inference(FakeBackend(), number_card("a"), number_card("b"))
        assert inference.batcher("b").card.name == "b"
        assert inference.batcher("a").mode == "torch-float32"
        with pytest.raises(ValueError, match=r"one of \['a', 'b'\], got 'c'"):
            inference.batcher("c")
        await inference.close()

    async def test_refuses_two_of_one_name(self) -> None:
        """Names are keys."""
        with pytest.raises(ValueError, match="opened once"):
            await open_inference(FakeBackend(), number_card("a"), number_card("a"))

    async def test_closes_what_it_opened_if_a_model_fails(self) -> None:
        """If the second model cannot be loaded, the first is freed and the error is raised."""
        backend = FakeBackend(bug=DeviceFault("full"))
        with pytest.raises(DeviceFault, match="full"):
            await open_inference(backend, number_card("a"), number_card("b"))
        assert backend.num_open == 0

    async def test_models_take_turns(self) -> None:
        """On one device, the model whose item waited longest runs next, each in batches of its own."""
        backend = FakeBackend()
        inference = await open_inference(backend, number_card(), number_card("other"))
        plug = await backend.plugged(inference)
        tasks = [
            asyncio.create_task(inference.batcher(model).submit(number(value), context()))
            for value, model in enumerate(["other", "doubler", "other", "doubler"], start=1)
        ]
        await queued()
        backend.gate.set()
        await asyncio.gather(plug, *tasks)
        await inference.close()
        assert [model for model, _ in backend.batches[:2]] == ["doubler", "other"]
        assert {"other": {1, 3}, "doubler": {0, 2, 4}} == {
            name: {value for model, numbers in backend.batches if model == name for value in numbers}
            for name in ("other", "doubler")
        }

    async def test_sizes_that_do_not_pay_are_not_run(self) -> None:
        """Where warm-up found large batches dearer per item, the device is fed smaller ones."""
        backend = FakeBackend(seconds_by_size={1: 1.0, 4: 2.0, 8: 8.0, 16: 16.0})
        inference = await open_inference(backend)
        await inference.batcher("doubler").submit_many([number(value) for value in range(32)], context())
        await inference.close()
        assert {1, 4} >= {len(numbers) for _, numbers in backend.batches}

    async def test_a_held_lane_stays_off_the_device(self) -> None:
        """Of every model, until it is let go; the other lane is served meanwhile."""
        backend = FakeBackend()
        inference = await open_inference(backend, number_card(), number_card("other"))
        inference.hold("backfill")
        held = [
            asyncio.create_task(inference.batcher(model).submit(number(1), context(lane="backfill")))
            for model in ("other", "doubler")
        ]
        await inference.batcher("other").submit(number(2), context(lane="live"))
        assert [task.done() for task in held] == [False, False]
        inference.hold(None)
        await asyncio.wait_for(asyncio.gather(*held), 60)
        await inference.close()
