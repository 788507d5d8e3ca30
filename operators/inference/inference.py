"""All open models of one process, as the agents use them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from models.card import Card
from operators.errors import Overloaded
from operators.inference.backend import Backend
from operators.inference.batch_policy import BatchLimits, Clock
from operators.inference.batcher import Batcher
from operators.inference.device_place import DevicePlace
from operators.inference.device_thread import DeviceThread
from operators.inference.length_batcher import LengthBatcher
from operators.inference.observer import InferenceObserver, SilentInferenceObserver
from operators.inference.operating_points import OperatingPoints
from operators.inference.placement import Places, ServerPlace
from operators.inference.request_context import Lane
from operators.inference.runner import LoadModule, Runner
from operators.inference.server_models import ServerModels
from operators.tracing import SILENT_TRACER, Tracer

MakeBatchers = Callable[[list[Runner], DeviceThread], list[Batcher]]
"""Creates the batchers of a model, one for each of the card's `item_shapes`."""


class Inference:
    """The devices of a process with their models; created by `open`, ended by `drain` and `close`."""

    def __init__(self, places: Places, make_batchers: MakeBatchers) -> None:
        self._places = places
        self._make_batchers = make_batchers
        self._batchers: dict[str, LengthBatcher] = {}
        self._servers = ServerModels(places, self._add)
        self._held: Lane | None = None
        self._is_ending = False

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
            DeviceFault: the device cannot load a model. A server that does not answer ends nothing: see `reach`.
        """
        cards = tuple(cards)
        _check_names(cards)
        places = Places(backend, open_host, load_module, points, servers)
        how = (limits or BatchLimits(), observer or SilentInferenceObserver(), clock, tracer)

        def make_batchers(runners: list[Runner], thread: DeviceThread) -> list[Batcher]:
            return [Batcher(runners, thread, *how, shape) for shape in runners[0].card.item_shapes]

        inference = cls(places, make_batchers)
        try:
            for card in cards:
                await inference._open(card)
        except BaseException:
            await places.close()
            raise
        return inference

    async def _open(self, card: Card) -> None:
        server = self._places.server_of(card)
        if server is None:
            self._add(card, *await self._places.open(card))
        else:
            await self._servers.open(card, server)

    def _add(self, card: Card, place: DevicePlace, runners: list[Runner]) -> None:
        batcher = LengthBatcher(card, self._make_batchers(runners, place.thread))
        batcher.hold(self._held)
        batcher.attach_to(place.thread)
        self._batchers[card.name] = batcher

    async def reach(self, models: Iterable[str], *, asks_anyway: bool = False) -> None:
        """Return if these models may be used; see `ServerModels.reach`.

        Raises:
            ServerUnavailable: one is on a server that does not answer, or has another model now.
            Overloaded: its server has no room, or this process ends.
        """
        for model in models:
            self._check_open()
            await self._servers.reach(model, asks_anyway=asks_anyway)

    async def open_waiting(self, models: Iterable[str]) -> None:
        """As `reach`, for models whose server has never answered: before that, `how` does not know all of them."""
        for model in models:
            self._check_open()
            await self._servers.open_waiting(model)

    def _check_open(self) -> None:
        if self._is_ending:
            raise Overloaded("the models of this process are closed")

    def models_by_server(self) -> dict[str, list[str]]:
        """Return the names of the models that are on servers, by the server's origin."""
        return self._servers.names_by_origin()

    def server_problems(self) -> tuple[str, ...]:
        """Return a line for each model that cannot be used because of its server."""
        return self._servers.problems()

    def how(self, model: str) -> str:
        """Return engine and precision of a model, and on a server its name and version there; part of fingerprints.

        The version is unknown, and left out, until the server has answered once.
        """
        if mode := self._servers.mode_of(model):
            return mode
        batcher = self.batcher(model)
        return f"{batcher.mode}/{batcher.served_as}" if batcher.served_as else batcher.mode

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
            ServerUnavailable: its server has not answered yet.
        """
        self._servers.require_open(model)
        if model not in self._batchers:
            raise ValueError(f"model must be one of {sorted(self._batchers)}, got {model!r}")
        return self._batchers[model]

    def hold(self, lane: Lane | None) -> None:
        """Keep the items of a priority class off the device, for all models, until the next call; None releases all."""
        self._held = lane
        for batcher in self._batchers.values():
            batcher.hold(lane)

    async def drain(self) -> None:
        """Reject new items, and return when everything that was submitted has a result."""
        self._is_ending = True
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))

    async def close(self) -> None:
        """Answer waiting items with `Overloaded`, let the running batch end, free the device. May be repeated."""
        self._is_ending = True
        for batcher in self._batchers.values():
            batcher.close()
        await self._servers.close()
        await self._places.close()


def _check_names(cards: Sequence[Card]) -> None:
    names = [card.name for card in cards]
    if len(set(names)) != len(names):
        raise ValueError(f"each model may be opened once, got {sorted(names)}")
