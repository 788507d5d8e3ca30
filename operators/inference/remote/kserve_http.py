"""KServe v2 over HTTP, with tensors as bytes behind a JSON header (the protocol's binary extension)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
import numpy as np

from operators.errors import ServerUnavailable
from operators.inference.remote.faults import NoAnswerInTime, RequestRefused
from operators.inference.remote.http_client import HttpAnswer, ServerHttp
from operators.inference.remote.kserve_protocol import (
    DATATYPES,
    InferAnswer,
    InferRequest,
    ModelSpec,
    TensorSpec,
    decoded,
)
from operators.inference.remote.network_thread import NetworkThread
from operators.inference.remote.server_options import ServerOptions

_Parsed = TypeVar("_Parsed")

HEADER_LENGTH: Final = "Inference-Header-Content-Length"


class _TensorEntry(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: dict[str, Any] = {}
    data: Any = None


class _Metadata(msgspec.Struct):
    inputs: tuple[_TensorEntry, ...] = ()
    outputs: tuple[_TensorEntry, ...] = ()


class _Config(msgspec.Struct):
    max_batch_size: int | None = None


class _Answer(msgspec.Struct):
    outputs: tuple[_TensorEntry, ...]
    model_version: str | int | None = None


class KserveHttp:
    """See `Transport`."""

    def __init__(self, options: ServerOptions) -> None:
        self._origin = options.endpoint.origin
        self._http = ServerHttp(options)
        self._network = NetworkThread()

    def spec(self, model: str, seconds: float) -> ModelSpec:
        """See `Transport.spec`; only servers of Triton's kind state the batch size."""
        found = self._parsed(self._ask(f"/v2/models/{model}", seconds).body, _Metadata)
        inputs, outputs = (
            tuple(TensorSpec(each.name, each.datatype, each.shape) for each in given)
            for given in (found.inputs, found.outputs)
        )
        return ModelSpec(inputs, outputs, self._max_batch_size(model, seconds))

    def infer(self, request: InferRequest, seconds: float) -> InferAnswer:
        """See `Transport.infer`."""
        header, body = _encoded(request, seconds)
        headers = {HEADER_LENGTH: str(len(header)), "Content-Type": "application/octet-stream"}
        answer = self._ask(f"/v2/models/{request.model}/infer", seconds, b"".join((header, body)), headers)
        length = int(answer.headers.get(HEADER_LENGTH, len(answer.body)))
        found = self._parsed(answer.body[:length], _Answer)
        arrays = self._arrays(found.outputs, memoryview(answer.body)[length:])
        missing = [name for name in request.outputs if name not in arrays]
        if missing:
            raise ServerUnavailable(self._origin, f"answered {sorted(arrays)} without {missing}")
        version = "" if found.model_version is None else str(found.model_version)
        return InferAnswer(tuple(arrays[name] for name in request.outputs), version)

    def close(self) -> None:
        """See `Transport.close`."""
        self._network.close(self._http.aclose())

    def _ask(
        self, path: str, seconds: float, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> HttpAnswer:
        return self._network.run(self._http.send(path, seconds, body, headers))

    def _max_batch_size(self, model: str, seconds: float) -> int | None:
        try:
            answer = self._ask(f"/v2/models/{model}/config", seconds)
        except NoAnswerInTime:
            raise
        except (RequestRefused, ServerUnavailable):
            return None  # the protocol itself has no such path
        return self._parsed(answer.body, _Config).max_batch_size

    def _arrays(self, outputs: Sequence[_TensorEntry], rest: memoryview) -> dict[str, np.ndarray]:
        arrays = {}
        for each in outputs:
            num_bytes = each.parameters.get("binary_data_size")
            if num_bytes is None:
                arrays[each.name] = self._listed(each)
            else:
                arrays[each.name] = decoded(self._origin, each.datatype, each.shape, rest[:num_bytes])
                rest = rest[num_bytes:]
        return arrays

    def _listed(self, entry: _TensorEntry) -> np.ndarray:
        """Return a tensor that came as JSON: some servers do not know the binary extension."""
        try:
            kind = np.dtype(DATATYPES[entry.datatype])
            return np.asarray(entry.data, kind).reshape(entry.shape).astype(np.float32)
        except (KeyError, ValueError, TypeError) as error:
            raise ServerUnavailable(self._origin, f"answered no tensor as {entry.name}: {error!r:.200}") from error

    def _parsed(self, content: bytes, kind: type[_Parsed]) -> _Parsed:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ServerUnavailable(self._origin, f"answered what is not KServe v2: {error}") from error


def _encoded(request: InferRequest, seconds: float) -> tuple[bytes, bytes]:
    content = request.batch.tobytes()
    header = {
        "parameters": {"timeout": int(seconds * 1e6)},  # microseconds; a server may drop what it cannot answer in time
        "inputs": [
            {
                "name": request.input.name,
                "datatype": request.input.datatype,
                "shape": request.batch.shape,
                "parameters": {"binary_data_size": len(content)},
            }
        ],
        "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in request.outputs],
    }
    return msgspec.json.encode(header), content
