"""The KServe backend: models that a server of the KServe v2 protocol computes, such as Triton, over HTTP or gRPC.

Threads of this process have several requests in flight; the server may combine them into batches of its own.
"""

from __future__ import annotations

import threading
from typing import Final

import numpy as np
import torch

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, Build
from operators.inference.precision import choose_precision
from operators.inference.precision_wrapper import PrecisionWrapper, to_arrays, warm_up_batch
from operators.inference.remote.kserve_http import KserveHttp
from operators.inference.remote.kserve_protocol import Transport
from operators.inference.remote.served_model import Comparison, ServedModel
from operators.inference.remote.server_client import ServerClient
from operators.inference.remote.server_options import ServerOptions

JUDGED_ITEMS: Final = 4

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
        self._comparisons: dict[str, tuple[Comparison, ...]] = {}
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

    def load(self, card: Card, build: Build) -> ServerClient:
        """See `Backend.load`. The first thread compares the server's answers with the module's; see `ServedModel`.

        Raises:
            ServerUnavailable, Overloaded: the server does not answer now.
        """
        precision = choose_precision(card, self._config.precision, OFFERED)
        with self._lock:
            if card.name not in self._shared:
                try:
                    self._shared[card.name] = self._opened(card, build)
                except BaseException:
                    self._close_unused()
                    raise
            self._num_users += 1
            return ServerClient(card, precision, self._shared[card.name], self._leave)

    def _opened(self, card: Card, build: Build) -> ServedModel:
        if self._transport is None:
            self._transport = _transport(self._options)
        if card.name not in self._comparisons:  # built once, however often the server is asked in vain
            self._comparisons[card.name] = self._compared(card, build)
        model = ServedModel(card, self._options, self._transport, self._comparisons[card.name])
        model.open()
        return model

    def _compared(self, card: Card, build: Build) -> tuple[Comparison, ...]:
        with torch.inference_mode():
            module = PrecisionWrapper(build(), "float32")
            return tuple(Comparison(rows, to_arrays(module(torch.from_numpy(rows)))) for rows in self._inputs(card))

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
