"""All models of one device, open: what the agents are given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from models.card import Card
from operators.inference.backend import Backend
from operators.inference.batch_policy import BatchLimits, Clock
from operators.inference.batcher import Batcher
from operators.inference.device_thread import DeviceThread
from operators.inference.observer import InferenceObserver, SilentInferenceObserver
from operators.inference.request_context import Lane
from operators.inference.runner import LoadModule, Runner
from operators.tracing import SILENT_TRACER, Tracer


class Inference:
    """One device with its models; made by `open`, ended by `drain` and `close`."""

    def __init__(self, batchers: Mapping[str, Batcher], runners: Sequence[Runner], device: DeviceThread) -> None:
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
        limits: BatchLimits | None = None,
        observer: InferenceObserver | None = None,
        clock: Clock = time.monotonic,
        tracer: Tracer = SILENT_TRACER,
    ) -> Inference:
        """Load, compile and warm up every model on the device's thread.

        Args:
            cards: the batched models, each name once.
            load_module: builds a card's module; called on the device's thread, again for each fresh runner.
            backend: the device.
            limits: the numbers of the batch policy.
            observer: told of every batch.
            clock: monotonic seconds, the clock of `RequestContext.due_seconds`.
            tracer: told of every call and batch, and how they belong together.

        Raises:
            ValueError: two cards share a name, or the settings ask for a precision that the device has not.
            DeviceFault: the device cannot take a model.
        """
        runners = [Runner(card, load_module, backend) for card in cards]
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
        batchers = {runner.card.name: Batcher(runner, device, limits, observer, clock, tracer) for runner in runners}
        for batcher in batchers.values():
            device.attach(batcher)
        return cls(batchers, runners, device)

    def cpu_seconds(self) -> float:
        """CPU time of the threads that compute here or drive the device, so far; warm-up included."""
        return self._device.cpu_seconds()

    def device_seconds(self) -> float:
        """Device time of all batches so far, warm-up apart."""
        return sum(runner.device_seconds for runner in self._runners)

    def batcher(self, model: str) -> Batcher:
        """Return the batcher of a model.

        Raises:
            ValueError: no such model is open.
        """
        if model not in self._batchers:
            raise ValueError(f"model must be one of {sorted(self._batchers)}, got {model!r}")
        return self._batchers[model]

    def hold(self, lane: Lane | None) -> None:
        """Keep a lane's items off the device, of all models, until another word; None lets all go."""
        for batcher in self._batchers.values():
            batcher.hold(lane)

    async def drain(self) -> None:
        """Refuse what is new and return when everything that was submitted has been answered."""
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))

    async def close(self) -> None:
        """Answer what still waits with `Overloaded`, let the running batch end, free the device. May be repeated."""
        for batcher in self._batchers.values():
            batcher.close()
        await _close_device(self._device, self._runners)


def _check_names(runners: Sequence[Runner]) -> None:
    names = [runner.card.name for runner in runners]
    if len(set(names)) != len(names):
        raise ValueError(f"each model may be opened once, got {sorted(names)}")


async def _close_device(device: DeviceThread, runners: Sequence[Runner]) -> None:
    # Off the loop: the running batch may take a while, and its answers travel over this loop.
    await asyncio.to_thread(device.close, [runner.close for runner in runners])
