"""A model on a KServe server, with a batcher before it and a watch that keeps what it is told."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card
from models.tolerance import Tolerance
from operators.errors import ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.remote.server_watch import ServerRequest
from operators.inference.request_context import ModelOutput, RequestContext
from ops.bench.arithmetic_card import arithmetic_card
from tests.support.kserve_standin import KserveStandin, Served

POISON = 255
CARD = arithmetic_card(
    "means",
    "means of pixels",
    input_shape=(2, 2, 3),
    input_dtype="uint8",
    outputs=("mean", "colours"),
    batch_sizes=(1, 4),
    devices=("cpu", "kserve"),
    tolerances=(Tolerance(max_difference=0.01), Tolerance(max_difference=0.01)),
)


class Means(nn.Module):
    """The mean of a picture, and of each of its colours."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return pixels.float().mean(dim=(1, 2, 3)), pixels.float().mean(dim=(1, 2))


def means(batch: np.ndarray) -> list[np.ndarray]:
    """As the module, and fails for a poison row, whatever is next to it."""
    if (batch == POISON).all(axis=(1, 2, 3)).any():
        raise ValueError("poison")
    with torch.inference_mode():
        return [output.numpy() for output in Means()(torch.from_numpy(batch.copy()))]


def item(level: int) -> np.ndarray:
    return np.full(CARD.input_shape, level, dtype=np.uint8)


def served() -> Served:
    return Served(means, CARD.input_shape, CARD.input_dtype, CARD.outputs, max_batch_size=4)


@dataclass
class Watch:
    """Keeps what it is told."""

    requests: list[ServerRequest] = field(default_factory=list)
    is_open: bool = False

    def require(self, origin: str) -> None:
        if self.is_open:
            raise ServerUnavailable(origin, "asked only now and then")

    def is_unavailable(self, origin: str) -> bool:
        return self.is_open

    def ended(self, request: ServerRequest) -> None:
        self.requests.append(request)

    def outcomes(self) -> list[tuple[str, bool]]:
        return [(request.outcome, request.is_unavailable) for request in self.requests]


@dataclass
class World:
    """A server, and the model that runs there."""

    server: Any
    """A stand-in, over HTTP or gRPC."""
    watch: Watch
    inference: Inference

    async def ask(self, levels: Sequence[int], seconds_left: float = math.inf) -> list[ModelOutput | Exception]:
        """One call for each level, all submitted before any is answered; in one batch if they are few."""
        self.server.num_rows.clear()
        self.watch.requests.clear()
        batcher = self.inference.batcher(CARD.name)
        context = RequestContext("v", "live", time.monotonic() + seconds_left)
        asked = [asyncio.ensure_future(batcher.submit(item(level), context)) for level in levels]
        return await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[return-value]


@asynccontextmanager
async def world(
    server: Any = None, card: Card = CARD, max_requests: int = 1, timeout_seconds: float = 30.0
) -> AsyncIterator[World]:
    """With one request in flight, all items that wait are one batch."""
    watch = Watch()
    with server or KserveStandin({CARD.name: served()}) as opened:
        endpoint = parse_endpoint(opened.base_url, ["http", "grpc"])
        options = ServerOptions(
            endpoint, ["127.0.0.1"], token="secret", max_requests=max_requests, timeout_seconds=timeout_seconds,
            watch=watch,
        )  # fmt: skip
        inference = await Inference.open(
            [card], lambda _card: Means(), open_backend("kserve", BackendConfig(server=options))
        )
        try:
            yield World(opened, watch, inference)
        finally:
            await inference.close()


def values(answers: Sequence[ModelOutput | Exception]) -> list[float | type[Exception]]:
    return [type(answer) if isinstance(answer, Exception) else round(float(answer.values[0]), 3) for answer in answers]
