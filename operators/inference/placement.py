"""Where each model runs: on the worker's device, or on the host's processor where its card excludes that device.

A recurrent network is an example: it is small, and some accelerators compile each of its steps. Its batches take turns
with the others on the device's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.card import Card, Precision
from models.card_errors import refuse
from operators.inference.backend import Backend, BackendConfig, Build, DeviceResult, LoadedModel
from operators.inference.compute_mode import Engine

HOST = "cpu"
"""Every worker has it."""

OpenBackend = Callable[[str, BackendConfig], Backend]


def check_devices(cards: Iterable[Card], device: str) -> None:
    """Require that every model can run in a worker with this device.

    Raises:
        CardInvalid: a card excludes the device and the host's processor.
    """
    for card in cards:
        if device not in card.devices and HOST not in card.devices:
            place = card.model.card_path if card.model is not None else Path(card.name)
            allowed = (
                f"a list with {device}, the device of this worker, or {HOST}; VIDSIGNAL_MODELS_OFF turns a model off"
            )
            raise refuse(place, "runs.devices", list(card.devices), allowed)


def placed_backend(device: str, config: BackendConfig, cards: Iterable[Card], open_backend: OpenBackend) -> Backend:
    """Return the backend of a device; the models that their cards keep off it run on the host's processor.

    Args:
        device: name of a backend.
        config: of the worker.
        cards: of all batched models.
        open_backend: opens a backend by name.
    """
    backend = open_backend(device, config)
    if all(device in card.devices for card in cards):
        return backend
    # The preferred precision is that of the accelerator; the processor may not offer it.
    return PlacedBackend(backend, open_backend(HOST, replace(config, precision="auto")))


class PlacedBackend:
    """A device, and the host's processor for models that may not run on it."""

    def __init__(self, device: Backend, host: Backend) -> None:
        self.name = device.name
        self._device = device
        self._host = host

    def load(self, card: Card, build: Build) -> LoadedModel:
        """See `Backend.load`."""
        if self.name in card.devices:
            return self._device.load(card, build)
        return HostModel(self._host.load(card, build))


@dataclass(frozen=True, slots=True)
class HostModel:
    """A model that occupies no accelerator: its cost is the CPU time of the device's thread, which is counted there."""

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
