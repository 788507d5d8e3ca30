"""Where each model runs: on the worker's device, or on the host's processor where its card excludes that device.

A recurrent network is an example: it is small, and some accelerators compile each of its steps. A device may also
decline a model at start, such as one that it would answer wrongly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from models.card import Card, Precision
from models.card_errors import refuse
from operators.errors import DeviceFault
from operators.inference.backend import Backend, BackendConfig, Build, DeviceResult, LoadedModel, RunsOnHost
from operators.inference.compute_mode import Engine, ModeUnavailable
from operators.inference.device_place import DevicePlace
from operators.inference.runner import LoadModule, Runner

if TYPE_CHECKING:
    from operators.inference.operating_points import OperatingPoints

logger = logging.getLogger(__name__)

HOST = "cpu"
"""Every worker has it."""

_SERVER_MODELS: Final = {"kserve": "VIDSIGNAL_KSERVE_MODELS", "openai": "VIDSIGNAL_OPENAI_MODELS"}
"""Settings that put models on servers, by the name of the backend."""

OpenBackend = Callable[[str, BackendConfig], Backend]


def check_devices(cards: Iterable[Card], device: str) -> None:
    """Require that every model can run in a worker with this device.

    Raises:
        CardInvalid: a card excludes the device and the host's processor.
    """
    for card in cards:
        if device not in card.devices and HOST not in card.devices:
            allowed = (
                f"a list with {device}, the device of this worker, or {HOST}; VIDSIGNAL_MODELS_OFF turns a model off"
            )
            servers = sorted(_SERVER_MODELS.keys() & set(card.devices))
            if servers:
                allowed += f", and {_SERVER_MODELS[servers[0]]} puts it on a server"
            raise refuse(_place_of(card), "runs.devices", list(card.devices), allowed)


def _place_of(card: Card) -> Path:
    return card.model.card_path if card.model is not None else Path(card.name)


def host_opener(device: str, config: BackendConfig, open_backend: OpenBackend) -> Callable[[], Backend] | None:
    """Return what opens the host's processor in addition to a device; None where it is the device.

    Args:
        device: name of a backend.
        config: of the worker.
        open_backend: opens a backend by name.
    """
    if device == HOST:
        return None
    # The preferred precision is that of the accelerator; the processor may not offer it.
    return lambda: HostBackend(open_backend(HOST, replace(config, precision="auto")))


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A server in addition to the worker's devices, and the models that the settings put there."""

    name: str
    """Of its backend."""
    models: frozenset[str]
    open: Callable[[], Backend]
    """Creates the backend."""
    origin: str = ""
    """`scheme://host:port`; of the breaker, and for messages."""
    is_unavailable: Callable[[], bool] = lambda: False
    """Whether it failed again and again; see `ServerWatch.is_unavailable`."""


def check_servers(cards: Iterable[Card], servers: Iterable[ServerPlace]) -> None:
    """Require that each model on a server exists, and that its card permits it.

    Raises:
        ModeUnavailable: the settings name a model that does not run in this worker, or that runs on two servers.
        CardInvalid: a card excludes the server.
    """
    by_name, placed = {card.name: card for card in cards}, set[str]()
    for server in servers:
        setting = f"VIDSIGNAL_{server.name.upper()}_MODELS"
        for name in sorted(server.models):
            if name not in by_name:
                raise ModeUnavailable(f"{setting} names the model {name!r}; there are {', '.join(sorted(by_name))}")
            if name in placed:
                raise ModeUnavailable(f"{setting} names the model {name!r}, which runs on another server already")
            card = by_name[name]
            if server.name not in card.devices:
                raise refuse(_place_of(card), "runs.devices", list(card.devices), f"a list with {server.name}")
        placed |= server.models


class Places:
    """The devices of a process: the worker's own, the host's processor as soon as a model needs it, and servers.

    Each has threads of its own, so models of one do not keep another waiting.

    Args:
        backend: the worker's device.
        open_host: opens the host's processor; None: the device runs every model.
        load_module: creates a card's module.
        points: measured operating points.
        servers: that run models in place of these devices.
    """

    def __init__(
        self,
        backend: Backend,
        open_host: Callable[[], Backend] | None,
        load_module: LoadModule,
        points: OperatingPoints | None,
        servers: Iterable[ServerPlace] = (),
    ) -> None:
        self._servers = tuple(servers)
        self._on_servers: dict[str, DevicePlace] = {}
        self._load_module = load_module
        self._points = points
        self._open_host = open_host
        self._device = self._place_of(backend)
        self._host: DevicePlace | None = None

    @property
    def all(self) -> tuple[DevicePlace, ...]:
        """Every device that is open."""
        return (self._device, *(() if self._host is None else (self._host,)), *self._on_servers.values())

    def server_of(self, card: Card) -> ServerPlace | None:
        """Return the server on which the settings put a model; None if it runs on this machine."""
        return next((server for server in self._servers if card.name in server.models), None)

    async def open(self, card: Card) -> tuple[DevicePlace, list[Runner]]:
        """Open a model on the server that the settings name, else where its card and the device permit; see
        `DevicePlace.open`."""
        server = self.server_of(card)
        if server is not None:
            place = self._place_on(server)
            return place, await place.open(card)
        if self._open_host is None:
            return self._device, await self._device.open(card)
        if self._device.name in card.devices:
            try:
                return self._device, await self._device.open(card)
            except RunsOnHost as reason:
                if HOST not in card.devices:
                    raise DeviceFault(f"{reason}; its card excludes {HOST}") from reason
                logger.warning("model %s runs on %s: %s", card.name, HOST, reason)
        if self._host is None:
            self._host = self._place_of(self._open_host())
        return self._host, await self._host.open(card)

    async def close(self) -> None:
        """Free all devices."""
        for place in self.all:
            await place.close()

    def _place_of(self, backend: Backend) -> DevicePlace:
        return DevicePlace(backend, self._load_module, self._points)

    def _place_on(self, server: ServerPlace) -> DevicePlace:
        if server.name not in self._on_servers:
            self._on_servers[server.name] = DevicePlace(server.open(), self._load_module, None)
        return self._on_servers[server.name]


@dataclass(frozen=True, slots=True)
class HostBackend:
    """The host's processor in addition to an accelerator."""

    inner: Backend

    @property
    def name(self) -> str:
        """See `Backend.name`."""
        return self.inner.name

    @property
    def num_submitters(self) -> int:
        """See `Backend.num_submitters`."""
        return self.inner.num_submitters

    def load(self, card: Card, build: Build) -> LoadedModel:
        """See `Backend.load`."""
        return HostModel(self.inner.load(card, build))


@dataclass(frozen=True, slots=True)
class HostModel:
    """A model that occupies no accelerator: its cost is the CPU time of the host's thread, which is counted there."""

    inner: LoadedModel

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self.inner.precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return self.inner.engine

    def compile(self) -> None:
        """See `LoadedModel.compile`."""
        self.inner.compile()

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; core seconds, which choose the batch sizes."""
        return self.inner.warm_up()

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        return DeviceResult(self.inner.run(batch).values, device_seconds=0.0)

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self.inner.close()
