"""A KServe v2 server that a test can spoil: over HTTP, with Triton's statuses, bodies and batches across requests."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from aiohttp import web

from operators.inference.remote.kserve_http import HEADER_LENGTH
from operators.inference.remote.kserve_protocol import DATATYPES, datatype_of
from tests.support.http_thread import HttpThread

Compute = Callable[[np.ndarray], Sequence[np.ndarray]]


@dataclass
class Served:
    """One model of the server."""

    compute: Compute
    item_shape: tuple[int, ...]
    dtype: str
    outputs: tuple[str, ...]
    max_batch_size: int = 8
    input_name: str = "item"
    version: str | None = "1"
    """None: the server does not state one."""
    row_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of outputs; Triton has no row without an axis."""

    def metadata(self) -> dict[str, object]:
        rows = [-1] if self.max_batch_size else []
        return {
            "inputs": [
                {"name": self.input_name, "datatype": datatype_of(self.dtype), "shape": [*rows, *self.item_shape]}
            ],
            "outputs": [{"name": name, "datatype": "FP32", "shape": [*rows, -1]} for name in self.outputs],
        }


class KserveStandin(HttpThread):
    """Serves models by name.

    Args:
        models: by name on the server.
        knows_binary: whether answers are bytes; otherwise they are JSON.
        port: of loopback; 0: a free one.
    """

    def __init__(self, models: dict[str, Served], *, knows_binary: bool = True, port: int = 0) -> None:
        super().__init__(port)
        self.models = models
        self._knows_binary = knows_binary
        self.statuses: list[int] = []
        """Statuses of the next answers to requests for results, instead of results; 0 cuts the connection."""
        self.always: int | None = None
        self.num_rows: list[int] = []
        """Of every request that was computed or spoilt."""
        self.headers: list[dict[str, str]] = []
        self.timeouts: list[int] = []
        """Microseconds that the requests gave."""
        self.stalls = False
        """Requests wait until the server ends."""
        self.batch_requests = 1
        """That many requests are computed together, as long as so many come at the same time."""
        self._waiting: list[tuple[np.ndarray, asyncio.Future[Sequence[np.ndarray]]]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        parts = request.path.strip("/").split("/")
        model = self.models.get(parts[2]) if parts[:2] == ["v2", "models"] else None
        if model is None:
            return _error(404, f"Request for unknown model: '{parts[-1]}' is not found")
        match parts[3:]:
            case []:
                return web.json_response(model.metadata())
            case ["config"]:
                return web.json_response({"max_batch_size": model.max_batch_size})
            case ["infer"]:
                return await self._infer(model, request)
        return _error(404, "no such path")

    async def _infer(self, model: Served, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        length = int(request.headers[HEADER_LENGTH])
        header = json.loads(body[:length])
        given = header["inputs"][0]
        batch = np.frombuffer(body[length:], DATATYPES[given["datatype"]]).reshape(given["shape"])
        self.num_rows.append(len(batch) if model.max_batch_size else 1)
        self.timeouts.append(header["parameters"]["timeout"])
        status = self.statuses.pop(0) if self.statuses else self.always
        if self.stalls:
            await asyncio.Event().wait()
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        if status is not None:
            return _error(status, "planned")
        try:
            answers = await self._computed(model, batch)
        except ValueError as error:
            return _error(500, f'Traceback (most recent call last):\n  File "model.py"\nValueError: {error}')
        names = [output["name"] for output in header["outputs"]]
        found = dict(zip(model.outputs, answers, strict=True))
        return self._answered([(name, found[name]) for name in names], model.version)

    async def _computed(self, model: Served, batch: np.ndarray) -> Sequence[np.ndarray]:
        """Compute together what came together, and fail together."""
        if self.batch_requests <= 1:
            return model.compute(batch)
        future: asyncio.Future[Sequence[np.ndarray]] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, future))
        if len(self._waiting) >= self.batch_requests:
            self._compute_waiting(model)
        return await future

    def _compute_waiting(self, model: Served) -> None:
        waiting, self._waiting = self._waiting, []
        self.batch_requests = 1  # those that are sent again come one by one
        try:
            answers = model.compute(np.concatenate([batch for batch, _ in waiting]))
        except ValueError as error:
            for _, future in waiting:
                future.set_exception(ValueError(str(error)))
            return
        start = 0
        for batch, future in waiting:
            future.set_result([answer[start : start + len(batch)] for answer in answers])
            start += len(batch)

    def _answered(self, answers: Sequence[tuple[str, np.ndarray]], version: str | None) -> web.Response:
        stated = {} if version is None else {"model_version": version}
        shaped = [(name, np.atleast_2d(value.T).T if value.ndim < 2 else value) for name, value in answers]
        entries = [{"name": name, "datatype": "FP32", "shape": list(value.shape)} for name, value in shaped]
        if not self._knows_binary:
            listed = [
                entry | {"data": value.ravel().tolist()} for entry, (_, value) in zip(entries, shaped, strict=True)
            ]
            return web.json_response({**stated, "outputs": listed})
        sized = [entry | {"parameters": {"binary_data_size": 4 * math.prod(entry["shape"])}} for entry in entries]
        header = msgspec.json.encode({**stated, "outputs": sized})
        content = b"".join(np.ascontiguousarray(value, "<f4").tobytes() for _, value in shaped)
        return web.Response(
            body=header + content,
            headers={HEADER_LENGTH: str(len(header)), "Content-Type": "application/octet-stream"},
        )


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
