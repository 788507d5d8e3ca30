"""PyTriton: a Triton server in a process of its own, which calls the model in another. Items travel over gRPC."""

from __future__ import annotations

from typing import Any

import numpy as np
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import np_to_triton_dtype

from ops.bench.inference.benched_model import BenchedModel, items_of
from ops.bench.inference.server_child import ServerChild
from ops.local.ports import ReservedPort

MODEL = "benched"
INPUT = "item"


class TritonCompetitor:
    """A client with one connection, which gRPC shares among requests."""

    def __init__(self, benched: BenchedModel) -> None:
        self._benched = benched
        self.sizes = benched.sizes

    async def open(self) -> None:
        """See `BatchingCompetitor.open`."""
        self._ports = [ReservedPort() for _ in range(3)]
        self._server = ServerChild(
            "ops.bench.inference.triton_server", self._benched, [port.number for port in self._ports]
        )
        self._client = InferenceServerClient(self._ports[0].address)
        item = items_of(self._benched.card)[0]
        await self._server.await_answer(lambda: self.ask(item))

    async def ask(self, item: np.ndarray) -> object:
        """See `BatchingCompetitor.ask`."""
        given = InferInput(INPUT, [1, *item.shape], np_to_triton_dtype(item.dtype))
        given.set_data_from_numpy(item[np.newaxis])
        answer = await self._client.infer(MODEL, [given])
        return answer.as_numpy(self._benched.card.outputs[0])

    def counts(self) -> dict[str, Any]:
        """See `BatchingCompetitor.counts`."""
        return {}

    async def close(self) -> None:
        """See `BatchingCompetitor.close`."""
        await self._client.close()
        self._server.stop()
        for port in self._ports:
            port.close()
