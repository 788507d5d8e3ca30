"""All open models of one device, as the agents use them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from models.card import Card
from operators.inference.backend import Backend
from operators.inference.batch_policy import BatchLimits, Clock
from operators.inference.batcher import Batcher
from operators.inference.device_thread import DeviceThread
from operators.inference.length_batcher import LengthBatcher
from operators.inference.observer import InferenceObserver, SilentInferenceObserver
from operators.inference.operating_points import OperatingPoints
from operators.inference.request_context import Lane
from operators.inference.runner import LoadModule, Runner
from operators.tracing import SILENT_TRACER, Tracer


class Inference:
    """One device with its models; created by `open`, ended by `drain` and `close`."""

    def __init__(self, batchers: Mapping[str, LengthBatcher], runners: Sequence[Runner], device: DeviceThread) -> None:
        self._batchers = batchers
        self._runners = runners
        self._device = device

    @classmethod
    async def open(
        cls,
        cards: Iterable[Card],
        load_module: LoadModule,
        backend: Backend,
        *,
        points: OperatingPoints | None = None,
        limits: BatchLimits | None = None,
        observer: InferenceObserver | None = None,
        clock: Clock = time.monotonic,
        tracer: Tracer = SILENT_TRACER,
    ) -> Inference:
        """Load, compile and warm up every model on the device's thread.

        Args:
            cards: the batched models, each name once.
            load_module: creates a card's module; called on the device's thread, again for each new runner.
            backend: the device.
            points: measured operating points; None: batch sizes are estimated in the warm-up.
            limits: options of the batch policy.
            observer: called for every batch.
            clock: monotonic seconds, the clock of `RequestContext.due_seconds`.
            tracer: creates spans of calls and batches, with their links.

        Raises:
            ValueError: two cards share a name.
            ModeUnavailable: the settings require an engine or a precision that the device does not have.
            DeviceFault: the device cannot load a model.
        """
        runners = [Runner(card, load_module, backend, points) for card in cards]
        _check_names(runners)
        device = DeviceThread(backend.name)
        device.open()
        try:
            for runner in runners:
                await asyncio.wrap_future(device.call(runner.open))
        except BaseException:
            await _close_device(device, runners)
            raise
        limits, observer = limits or BatchLimits(), observer or SilentInferenceObserver()
        batchers = {
            runner.card.name: LengthBatcher(
                runner.card,
                [Batcher(runner, device, limits, observer, clock, tracer, shape) for shape in runner.card.item_shapes],
            )
            for runner in runners
        }
        for batcher in batchers.values():
            batcher.attach_to(device)
        return cls(batchers, runners, device)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the threads that compute or drive the device; warm-up included."""
        return self._device.cpu_seconds()

    def device_seconds(self) -> float:
        """Return the device time of all batches so far, without warm-up."""
        return sum(runner.device_seconds for runner in self._runners)

    def batcher(self, model: str) -> LengthBatcher:
        """Return the batcher of a model.

        Raises:
            ValueError: no such model is open.
        """
        if model not in self._batchers:
            raise ValueError(f"model must be one of {sorted(self._batchers)}, got {model!r}")
        return self._batchers[model]

    def hold(self, lane: Lane | None) -> None:
        """Keep the items of a priority class off the device, for all models, until the next call; None releases all."""
        for batcher in self._batchers.values():
            batcher.hold(lane)

    async def drain(self) -> None:
        """Reject new items, and return when everything that was submitted has a result."""
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))

    async def close(self) -> None:
        """Answer waiting items with `Overloaded`, let the running batch end, free the device. May be repeated."""
        for batcher in self._batchers.values():
            batcher.close()
        await _close_device(self._device, self._runners)


def _check_names(runners: Sequence[Runner]) -> None:
    names = [runner.card.name for runner in runners]
    if len(set(names)) != len(names):
        raise ValueError(f"each model may be opened once, got {sorted(names)}")


async def _close_device(device: DeviceThread, runners: Sequence[Runner]) -> None:
    # Outside the loop: the running batch may take a while, and its results are delivered over this loop.
    await asyncio.to_thread(device.close, [runner.close for runner in runners])
