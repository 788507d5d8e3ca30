"""A batch's CPU time: of whatever thread computes it, shared by its items, the same on the bill as in metrics."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from operators.inference.backend import DeviceResult
from tests.unit.operators.inference.fakes import (
    CountingObserver,
    FakeBackend,
    FakeModel,
    context,
    number,
    open_inference,
)

WORK_SECONDS = 0.1
STRANGERS_SECONDS = 0.8
"""So much that it is told from what threads cost on a slow machine."""


def burn(seconds: float = WORK_SECONDS) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


class BusyModel(FakeModel):
    """Computes on the device's thread and on one of a pool of its own, as native libraries do."""

    def run(self, batch: np.ndarray) -> DeviceResult:
        assert isinstance(self.backend, BusyBackend)
        has_computed, is_over = threading.Event(), self.backend.is_over

        def help_out() -> None:
            burn()
            has_computed.set()
            is_over.wait(120)  # the helper lives until after the batch, as a pool's threads do

        threading.Thread(target=help_out, daemon=True).start()
        burn()
        assert has_computed.wait(60)
        return super().run(batch)


class BusyBackend(FakeBackend):
    """Its models compute in earnest; threads that help them end once `is_over` is set."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.is_over = threading.Event()

    def load(self, card: object, module: object) -> FakeModel:
        model = super().load(card, module)  # type: ignore[arg-type]
        return BusyModel(model.card, model.backend)


class TestCpuTime:
    async def test_all_threads_of_a_batch_are_on_the_bill(self) -> None:
        """The device's thread and the pool's: twice the time of one; another thread's work is not in it."""
        observer = CountingObserver()
        backend = BusyBackend()
        inference = await open_inference(backend, observer=observer)
        stranger = threading.Thread(target=lambda: (burn(STRANGERS_SECONDS), backend.is_over.wait(120)), daemon=True)
        stranger.start()
        items = [number(value) for value in range(4)]
        outputs = await inference.batcher("doubler").submit_many(items, context())
        backend.is_over.set()
        stranger.join()
        await inference.close()
        billed = sum(output.cpu_seconds for output in outputs)
        assert billed == pytest.approx(sum(run.cpu_seconds for run in observer.runs))
        assert 0 <= billed - 2 * WORK_SECONDS * len(observer.runs) < 0.9 * STRANGERS_SECONDS

    async def test_items_share_alike_and_know_their_model(self) -> None:
        """Equal parts of the batch that they rode in."""
        observer = CountingObserver()
        inference = await open_inference(FakeBackend(), observer=observer)
        outputs = await inference.batcher("doubler").submit_many([number(1), number(2)], context())
        await inference.close()
        assert {output.model for output in outputs} == {"doubler"}
        assert all(output.cpu_seconds > 0 for output in outputs)
        assert sum(output.cpu_seconds for output in outputs) == pytest.approx(
            sum(run.cpu_seconds for run in observer.runs)
        )

    async def test_device_seconds_add_up(self) -> None:
        """What all batches cost the device, for meters of its energy."""
        inference = await open_inference(FakeBackend())
        outputs = await inference.batcher("doubler").submit_many([number(1), number(2), number(3)], context())
        assert inference.device_seconds() == pytest.approx(sum(output.device_seconds for output in outputs))
        assert inference.cpu_seconds() > 0
        await inference.close()
