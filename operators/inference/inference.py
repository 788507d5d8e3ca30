"""All open models of one process, as the agents use them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from models.card import Card
from operators.inference.backend import Backend
from operators.inference.batch_policy import BatchLimits, Clock
from operators.inference.batcher import Batcher
from operators.inference.length_batcher import LengthBatcher
from operators.inference.observer import InferenceObserver, SilentInferenceObserver
from operators.inference.operating_points import OperatingPoints
from operators.inference.placement import Places, ServerPlace
from operators.inference.request_context import Lane
from operators.inference.runner import LoadModule
from operators.tracing import SILENT_TRACER, Tracer


class Inference:
    """The devices of a process with their models; created by `open`, ended by `drain` and `close`."""

    def __init__(self, batchers: Mapping[str, LengthBatcher], places: Places) -> None:
        self._batchers = batchers
        self._places = places

    @classmethod
    async def open(
        cls,
        cards: Iterable[Card],
        load_module: LoadModule,
        backend: Backend,
        *,
        open_host: Callable[[], Backend] | None = None,
        servers: Iterable[ServerPlace] = (),
        points: OperatingPoints | None = None,
        limits: BatchLimits | None = None,
        observer: InferenceObserver | None = None,
        clock: Clock = time.monotonic,
        tracer: Tracer = SILENT_TRACER,
    ) -> Inference:
        """Load, compile and warm up every model on its device's threads.

        Args:
            cards: the batched models, each name once.
            load_module: creates a card's module; called on a thread of the device, again for each new runner.
            backend: the device.
            open_host: opens the host's processor, which runs the models that the device does not run, see `placement`;
                None: the device runs all.
            servers: that run some of the models.
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
        cards = tuple(cards)
        _check_names(cards)
        places = Places(backend, open_host, load_module, points, servers)
        try:
            found = {card.name: await places.open(card) for card in cards}
        except BaseException:
            await places.close()
            raise
        limits, observer = limits or BatchLimits(), observer or SilentInferenceObserver()
        batchers = {}
        for card in cards:
            place, runners = found[card.name]
            batchers[card.name] = LengthBatcher(
                card,
                [Batcher(runners, place.thread, limits, observer, clock, tracer, shape) for shape in card.item_shapes],
            )
            batchers[card.name].attach_to(place.thread)
        return cls(batchers, places)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the threads that compute or drive a device; warm-up included."""
        return sum(place.thread.cpu_seconds() for place in self._places.all)

    def device_seconds(self) -> float:
        """Return the device time of all batches so far, without warm-up."""
        return sum(place.device_seconds() for place in self._places.all)

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
        await self._places.close()


def _check_names(cards: Sequence[Card]) -> None:
    names = [card.name for card in cards]
    if len(set(names)) != len(names):
        raise ValueError(f"each model may be opened once, got {sorted(names)}")
