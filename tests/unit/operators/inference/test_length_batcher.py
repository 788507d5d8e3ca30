"""Items of one model in batches of one length, no matter who submits them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from models.card import Card
from operators.errors import DeviceFault, Overloaded
from operators.inference.request_context import ModelOutput
from tests.unit.operators.inference.fakes import FakeBackend, context, number_card, open_inference, queued

CARD: Card = replace(number_card(batch_sizes=(1, 4)), input_shape=(4,), lengths=(1, 2, 4))


def item(value: int, length: int) -> np.ndarray:
    return np.array([value] + [0] * (length - 1), dtype=np.int64)


def doubled(output: ModelOutput) -> float:
    return float(output.values[0])


async def test_a_batch_has_one_length() -> None:
    """Answers come in the order of the items."""
    backend = FakeBackend()
    inference = await open_inference(backend, CARD)
    items = [item(value, length) for value, length in ((1, 4), (2, 1), (3, 2), (4, 1), (5, 4))]
    outputs = await inference.batcher("doubler").submit_many(items, context())
    assert [doubled(output) for output in outputs] == [2.0, 4.0, 6.0, 8.0, 10.0]
    shapes = {tuple(value for value in numbers if value) for _, numbers in backend.batches}
    assert all(len({len(each) for each in items if each[0] in batch}) <= 1 for batch in shapes)
    await inference.close()


async def test_refuses_another_length() -> None:
    """The allowed shapes are quoted."""
    inference = await open_inference(FakeBackend(), CARD)
    with pytest.raises(ValueError, match=r"takes \(1,\) or \(2,\) or \(4,\) int64, got \(3,\)"):
        await inference.batcher("doubler").submit(item(1, 3), context())
    await inference.close()


async def test_a_failure_drops_what_waits() -> None:
    """Of all lengths; nothing is left behind in a queue."""
    backend = FakeBackend(poison=frozenset({7}))
    inference = await open_inference(backend, CARD)
    with pytest.raises(DeviceFault):
        await inference.batcher("doubler").submit_many([item(1, 1), item(7, 4)], context())
    await inference.drain()
    await inference.close()


async def test_drains_and_closes_every_length() -> None:
    """What was submitted is answered, and nothing new is taken."""
    inference = await open_inference(FakeBackend(), CARD)
    batcher = inference.batcher("doubler")
    calls = [asyncio.create_task(batcher.submit(item(value, value), context())) for value in (1, 2, 4)]
    await queued(*calls)
    await inference.drain()
    assert [doubled(await call) for call in calls] == [2.0, 4.0, 8.0]
    for length in CARD.lengths:
        with pytest.raises(Overloaded):
            await batcher.submit(item(1, length), context())
    await inference.close()
