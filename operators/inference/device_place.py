"""A device with its threads, and a runner of each model for each thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from models.card import Card
from operators.errors import DeviceFault, Overloaded, SourceUnavailable
from operators.inference.backend import Backend, RunsOnHost
from operators.inference.device_thread import DeviceThread
from operators.inference.runner import LoadModule, Runner

if TYPE_CHECKING:
    from operators.inference.operating_points import OperatingPoints


class DevicePlace:
    """One of the devices that a process computes on.

    Args:
        backend: the device.
        load_module: creates a card's module.
        points: measured operating points.
    """

    def __init__(self, backend: Backend, load_module: LoadModule, points: OperatingPoints | None) -> None:
        self.name = backend.name
        self.thread = DeviceThread(backend.name, num_threads=backend.num_submitters)
        self._backend = backend
        self._load_module = load_module
        self._points = points
        self._runners: list[tuple[int, Runner]] = []
        """With the number of the thread."""
        self.thread.open()

    async def open(self, card: Card) -> list[Runner]:
        """Load, compile and warm up a model on every thread; returns its runners, in the order of the threads.

        Raises:
            RunsOnHost: the device declines the model.
            ServerUnavailable, Overloaded: the device is a server that does not answer; it may be opened again.
            DeviceFault: the device cannot load it, or its parts do not agree about the batch sizes.
        """
        runners = [Runner(card, self._load_module, self._backend, self._points) for _ in range(self.thread.num_threads)]
        self._runners += enumerate(runners)
        for number, runner in enumerate(runners):
            try:
                await asyncio.wrap_future(self.thread.call(runner.open, number))
            except (RunsOnHost, SourceUnavailable, Overloaded):
                await self._close_runners(runners)  # other parts of the device may have taken it
                raise
        needed, offered = set(runners[0].batch_sizes), [set(runner.supported_sizes) for runner in runners]
        if not all(needed <= sizes for sizes in offered):
            raise DeviceFault(f"model {card.name} needs batches of {sorted(needed)} on every part of {self.name}")
        return runners

    async def _close_runners(self, runners: list[Runner]) -> None:
        for number, runner in enumerate(runners):
            await asyncio.wrap_future(self.thread.call(runner.close, number))
        self._runners = [each for each in self._runners if each[1] not in runners]

    def device_seconds(self) -> float:
        """Return the device time of all batches so far, without warm-up."""
        return sum(runner.device_seconds for _, runner in self._runners)

    async def close(self) -> None:
        """Let the running batches end, and free the device."""
        # Outside the loop: the running batch may take a while, and its results are delivered over this loop.
        await asyncio.to_thread(self.thread.close, [(number, runner.close) for number, runner in self._runners])
