"""A device after whose first fault every call fails: it is asked nothing more, and who merely came after is told so."""

from __future__ import annotations

import asyncio

import pytest

from operators.errors import DeviceFault, DeviceLost
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card, open_inference, queued


class TestLostDevice:
    async def outcomes(self, backend: FakeBackend) -> list[object]:
        """Of four items that share a batch, then of an item of another model, then of one that came later."""
        inference = await open_inference(backend, number_card(), number_card("other"))
        plug = await backend.plugged(inference)
        doubler, other = inference.batcher("doubler"), inference.batcher("other")
        together = [asyncio.create_task(doubler.submit(number(value), context())) for value in (1, 2, 3, 4)]
        await queued()
        after = asyncio.create_task(other.submit(number(5), context()))
        await queued()
        backend.cursed = frozenset({1})
        backend.gate.set()
        found = await asyncio.gather(plug, *together, after, return_exceptions=True)
        found += await asyncio.gather(doubler.submit(number(6), context()), return_exceptions=True)
        self.num_batches = len(backend.batches)
        await inference.close()
        return found[1:]

    async def test_tells_who_was_on_it(self) -> None:
        """The rows of the batch may be to blame; all others came after, and cost the device no further call."""
        found = await self.outcomes(FakeBackend(is_lost=True))
        assert [type(outcome) for outcome in found] == [DeviceLost] * 6
        assert [outcome.was_on_device for outcome in found if isinstance(outcome, DeviceLost)] == [
            *[True] * 4,
            False,
            False,
        ]
        assert self.num_batches == 2  # the plug and the batch

    async def test_a_known_message_is_believed_at_once(self) -> None:
        """No fresh runner is tried in a context that is poisoned."""
        backend = FakeBackend(is_lost=True, fault=DeviceLost("device-side assert triggered"))
        assert [type(outcome) for outcome in await self.outcomes(backend)] == [DeviceLost] * 6
        assert backend.num_loads == 2  # one for each model, at the start

    async def test_rows_that_fail_a_device_that_works(self) -> None:
        """Known-good rows get through, so the fault is that of the rows of the batch alone."""
        *batch, other, later = await self.outcomes(FakeBackend())
        assert [type(outcome) for outcome in batch] == [DeviceFault] * 4
        assert not isinstance(other, Exception) and not isinstance(later, Exception)

    async def test_a_device_that_fails_known_good_rows_is_lost(self) -> None:
        """The fresh runner opened and the same rows failed again, and so do others."""
        backend = FakeBackend(faults_left=3)
        inference = await open_inference(backend)
        with pytest.raises(DeviceLost, match="known to be good"):
            await inference.batcher("doubler").submit(number(1), context())
        await inference.close()
        assert backend.num_open == 0
