"""The KServe backend: models that a server of the KServe v2 protocol computes, such as Triton, over HTTP or gRPC.

Threads of this process have several requests in flight; the server may combine them into batches of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from models.card import Card, Precision
from operators.errors import DeviceFault, Overloaded, ServerUnavailable
from operators.inference.backend import BackendConfig, Build, DeviceResult
from operators.inference.compute_mode import Engine
from operators.inference.loaded_model import NO_TERMS, RequestTerms
from operators.inference.precision import choose_precision
from operators.inference.precision_wrapper import PrecisionWrapper, to_arrays, warm_up_batch
from operators.inference.remote.kserve_http import KserveHttp
from operators.inference.remote.kserve_protocol import Transport
from operators.inference.remote.served_model import ServedModel
from operators.inference.remote.server_options import ServerOptions

JUDGED_ITEMS: Final = 4
TIMED_RUNS: Final = 2

OFFERED: Final[tuple[Precision, ...]] = ("float32",)
"""What a server's answers are held to, whatever it computes in."""


class KserveBackend:
    """One server; its models are opened once and shared by the threads."""

    name = "kserve"

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._shared: dict[str, ServedModel] = {}
        self._num_users = 0

    @property
    def num_submitters(self) -> int:
        """See `Backend.num_submitters`: requests in flight."""
        return self._options.max_requests

    @property
    def _options(self) -> ServerOptions:
        if self._config.server is None:
            raise DeviceFault("no server is named for models that run on one; set VIDSIGNAL_KSERVE_URL")
        return self._config.server

    def load(self, card: Card, build: Build) -> KserveModel:
        """See `Backend.load`. The first thread compares the server's answers with the module's; see `ServedModel`."""
        precision = choose_precision(card, self._config.precision, OFFERED)
        with self._lock:
            if card.name not in self._shared:
                try:
                    self._shared[card.name] = self._opened(card, build)
                except BaseException:
                    self._close_unused()
                    raise
            self._num_users += 1
            return KserveModel(card, precision, self._shared[card.name], self._leave)

    def _opened(self, card: Card, build: Build) -> ServedModel:
        if self._transport is None:
            self._transport = _transport(self._options)
        model = ServedModel(card, self._options, self._transport)
        try:
            model.open()
            with torch.inference_mode():
                module = PrecisionWrapper(build(), "float32")
                for rows in self._inputs(card):
                    model.admit(rows, to_arrays(module(torch.from_numpy(rows))))
        except (ServerUnavailable, Overloaded) as error:
            raise DeviceFault(f"model {card.name} cannot be opened on its server: {error}") from error
        return model

    def _inputs(self, card: Card) -> list[np.ndarray]:
        """Return what the answers are compared for, by length: real inputs if there are some, otherwise noise."""
        stored = () if self._config.inputs is None else self._config.inputs.of(card)
        by_shape: dict[tuple[int, ...], list[np.ndarray]] = {shape: [] for shape in card.item_shapes}
        for item in stored:
            by_shape[item.shape].append(item)
        return [
            np.stack(items[:JUDGED_ITEMS]) if items else warm_up_batch(card, 2, shape)
            for shape, items in by_shape.items()
        ]

    def _leave(self) -> None:
        with self._lock:
            self._num_users -= 1
            self._close_unused()

    def _close_unused(self) -> None:
        if self._num_users == 0 and self._transport is not None:
            self._transport.close()
            self._transport = None
            self._shared.clear()


def _transport(options: ServerOptions) -> Transport:
    if not options.endpoint.scheme.startswith("grpc"):
        return KserveHttp(options)
    try:
        from operators.inference.remote.kserve_grpc import KserveGrpc
    except ModuleNotFoundError as error:
        raise DeviceFault(
            f"{options.endpoint.origin} needs the package {error.name}, which is not installed; run pip install"
            " 'vidsignal[remote]', or use http:// or https://"
        ) from error
    return KserveGrpc(options)


class KserveModel:
    """One model of one thread."""

    def __init__(self, card: Card, precision: Precision, shared: ServedModel, leave: Callable[[], None]) -> None:
        self._card = card
        self._precision = precision
        self._shared: ServedModel | None = shared
        self._leave = leave

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`: the server's answers are those of float32, within the card's tolerance."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return "kserve"

    def compile(self) -> None:
        """Do nothing: the server did."""

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; seconds of a request, measured by the first thread."""
        shared = self._open()
        try:
            return shared.timed(self._time)
        except (ServerUnavailable, Overloaded) as error:
            raise DeviceFault(f"model {self._card.name} cannot be opened on its server: {error}") from error

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        return self.ask(batch, NO_TERMS)

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """See `ServerModel.ask`."""
        return self._open().ask(batch, terms)

    def close(self) -> None:
        """See `LoadedModel.close`; the last one closes the connections."""
        shared, self._shared = self._shared, None
        if shared is not None:
            self._leave()

    def _open(self) -> ServedModel:
        if self._shared is None:
            raise DeviceFault(f"model {self._card.name} is closed on kserve")
        return self._shared

    def _time(self, size: int) -> float:
        batch, seconds = warm_up_batch(self._card, size), []
        for _ in range(TIMED_RUNS):
            began = time.monotonic()
            self.run(batch)
            seconds.append(time.monotonic() - began)
        return min(seconds)
