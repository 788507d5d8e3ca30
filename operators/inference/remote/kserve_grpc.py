"""KServe v2 over gRPC: one connection, which requests of all threads share. Needs the extra `remote`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

from operators.errors import ModelFault, Overloaded, ServerUnavailable
from operators.inference.remote.faults import BatchFault, ModelMissing, NoAnswerInTime, RequestRefused, shown
from operators.inference.remote.kserve_grpc_messages import MESSAGES, SERVICE
from operators.inference.remote.kserve_protocol import (
    DATATYPES,
    InferAnswer,
    InferRequest,
    ModelSpec,
    TensorSpec,
    decoded,
)
from operators.inference.remote.server_options import ServerOptions

_Code = grpc.StatusCode
_REFUSED: Final = frozenset(
    (_Code.INVALID_ARGUMENT, _Code.OUT_OF_RANGE, _Code.FAILED_PRECONDITION, _Code.UNIMPLEMENTED)
)
_FAILED: Final = frozenset((_Code.INTERNAL, _Code.UNKNOWN, _Code.ABORTED, _Code.DATA_LOSS))

_UNLIMITED: Final = -1
_CHANNEL: Final = (
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.max_receive_message_length", 256 * 1024**2),
    ("grpc.enable_http_proxy", 0),  # media goes to no other host
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),  # the breaker decides how often a server is asked
)
_CONTENTS: Final = (
    "fp32_contents", "fp64_contents", "int_contents", "int64_contents", "uint_contents", "uint64_contents",
    "bool_contents",
)  # fmt: skip


class KserveGrpc:
    """See `Transport`."""

    def __init__(self, options: ServerOptions) -> None:
        endpoint = options.endpoint
        self._origin = endpoint.origin
        self._metadata = tuple((name.lower(), value) for name, value in options.headers().items())
        self._channel = (
            grpc.secure_channel(endpoint.address, _credentials(options.ca_file), _CHANNEL)
            if endpoint.is_encrypted
            else grpc.insecure_channel(endpoint.address, _CHANNEL)
        )
        self._ask_infer = self._method("ModelInfer", "ModelInferResponse")
        self._ask_metadata = self._method("ModelMetadata", "ModelMetadataResponse")
        self._ask_config = self._method("ModelConfig", "ModelConfigResponse")

    def spec(self, model: str, seconds: float) -> ModelSpec:
        """See `Transport.spec`; only servers of Triton's kind state the batch size."""
        found = self._ask(self._ask_metadata, MESSAGES["ModelMetadataRequest"](name=model), seconds)
        inputs, outputs = (
            tuple(TensorSpec(each.name, each.datatype, tuple(each.shape)) for each in given)
            for given in (found.inputs, found.outputs)
        )
        return ModelSpec(inputs, outputs, self._max_batch_size(model, seconds))

    def infer(self, request: InferRequest, seconds: float) -> InferAnswer:
        """See `Transport.infer`."""
        given = MESSAGES["InferTensor"](
            name=request.input.name, datatype=request.input.datatype, shape=request.batch.shape
        )
        message = MESSAGES["ModelInferRequest"](
            model_name=request.model,
            inputs=[given],
            outputs=[MESSAGES["RequestedOutput"](name=name) for name in request.outputs],
            raw_input_contents=[request.batch.tobytes()],
        )
        answer = self._ask(self._ask_infer, message, seconds)
        return InferAnswer(self._arrays(answer, request.outputs), answer.model_version)

    def close(self) -> None:
        """See `Transport.close`."""
        self._channel.close()

    def _method(self, name: str, answer: str) -> Any:
        return self._channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MESSAGES[answer].FromString,
        )

    def _ask(self, method: Any, message: Any, seconds: float) -> Any:
        with self._faults(seconds):
            return method(message, timeout=seconds, metadata=self._metadata)

    def _max_batch_size(self, model: str, seconds: float) -> int | None:
        try:
            found = self._ask(self._ask_config, MESSAGES["ModelConfigRequest"](name=model), seconds)
        except (RequestRefused, BatchFault):
            return None  # the protocol itself has no such method
        size: int = found.config.max_batch_size
        return size

    def _arrays(self, answer: Any, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        raw = iter(answer.raw_output_contents)
        has_raw = bool(answer.raw_output_contents)
        arrays = {}
        for each in answer.outputs:
            if has_raw:
                arrays[each.name] = decoded(self._origin, each.datatype, tuple(each.shape), next(raw, b""))
            else:
                arrays[each.name] = self._listed(each)
        if missing := [name for name in names if name not in arrays]:
            raise ServerUnavailable(self._origin, f"answered {sorted(arrays)} without {missing}")
        return tuple(arrays[name] for name in names)

    def _listed(self, tensor: Any) -> np.ndarray:
        """Return a tensor whose numbers are fields of the message."""
        contents = next((found for kind in _CONTENTS if (found := getattr(tensor.contents, kind))), ())
        try:
            return np.array(contents, DATATYPES[tensor.datatype]).reshape(tuple(tensor.shape)).astype(np.float32)
        except (KeyError, ValueError, OverflowError) as error:
            raise ServerUnavailable(self._origin, f"answered no tensor as {tensor.name}: {error}") from error

    @contextmanager
    def _faults(self, seconds: float) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise self._fault(error.code(), shown(error.details() or ""), seconds) from error

    def _fault(self, code: Any, message: str, seconds: float) -> ModelFault | ServerUnavailable | Overloaded:
        """Return the error of a status; `UNAVAILABLE` is also what a missing connection is called."""
        told = f"answered {code.name}: {message}"
        if code is _Code.DEADLINE_EXCEEDED:
            return NoAnswerInTime(self._origin, f"no answer within {seconds:.1f} s")
        if code is _Code.RESOURCE_EXHAUSTED:
            return Overloaded(f"{self._origin} {told}")
        if code in _REFUSED:
            return RequestRefused(f"{self._origin} {told}")
        if code in _FAILED:
            return BatchFault(f"{self._origin} {told}")
        return (ModelMissing if code is _Code.NOT_FOUND else ServerUnavailable)(self._origin, told)


def _credentials(ca_file: Path | None) -> Any:
    return grpc.ssl_channel_credentials(None if ca_file is None else ca_file.read_bytes())
