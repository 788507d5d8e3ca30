"""A thread's part of a model on a server: what all threads share does the work, and ends with the last of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.compute_mode import Engine
from operators.inference.loaded_model import NO_TERMS, DeviceResult, RequestTerms


class SharedModel(Protocol):
    """A card's model on a server, for all threads of the process; every method is called from any of them."""

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""

    @property
    def served_as(self) -> str:
        """See `ServerModel.served_as`."""

    @property
    def doubt(self) -> str:
        """See `ServerModel.doubt`."""

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; in seconds of a request, and measured for the first thread only."""

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """See `ServerModel.ask`."""

    def recheck(self) -> None:
        """See `ServerModel.recheck`."""


class ServerClient:
    """One model of one thread; a `ServerModel`.

    Args:
        card: of the model.
        precision: that the server's answers are held to, whatever it computes in.
        shared: by the threads.
        leave: called once, at the end.
    """

    def __init__(self, card: Card, precision: Precision, shared: SharedModel, leave: Callable[[], None]) -> None:
        self._card = card
        self._precision = precision
        self._engine = shared.engine
        self._shared: SharedModel | None = shared
        self._leave = leave

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return self._engine

    @property
    def served_as(self) -> str:
        """See `ServerModel.served_as`."""
        return self._open().served_as

    @property
    def doubt(self) -> str:
        """See `ServerModel.doubt`."""
        return self._open().doubt

    def compile(self) -> None:
        """Do nothing: the server did."""

    def warm_up(self) -> dict[int, float]:
        """See `SharedModel.warm_up`."""
        return self._open().warm_up()

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        return self.ask(batch, NO_TERMS)

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """See `ServerModel.ask`."""
        return self._open().ask(batch, terms)

    def recheck(self) -> None:
        """See `ServerModel.recheck`."""
        self._open().recheck()

    def close(self) -> None:
        """See `LoadedModel.close`; the last one closes the connections."""
        shared, self._shared = self._shared, None
        if shared is not None:
            self._leave()

    def _open(self) -> SharedModel:
        if self._shared is None:
            raise DeviceFault(f"model {self._card.name} is closed on {self._engine}")
        return self._shared
