"""The KServe v2 service over gRPC that a test can spoil; see `kserve_standin` for the same over HTTP."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
import numpy as np

from operators.inference.remote.kserve_grpc_messages import MESSAGES, SERVICE
from operators.inference.remote.kserve_protocol import DATATYPES
from ops.local.ports import LOOPBACK
from tests.support.certificates import KeyPair
from tests.support.kserve_standin import Served


class KserveGrpcStandin:
    """Serves models by name, between `__enter__` and `__exit__`.

    Args:
        models: by name.
        is_raw: whether answers are bytes; otherwise they are numbers of the message.
        certificate: that it shows; None: it is not encrypted.
        port: of loopback; 0: a free one.
    """

    def __init__(
        self, models: dict[str, Served], *, is_raw: bool = True, certificate: KeyPair | None = None, port: int = 0
    ) -> None:
        self.models = models
        self._is_raw = is_raw
        self.codes: list[grpc.StatusCode] = []
        """Codes of the next answers to requests for results, instead of results."""
        self.always: grpc.StatusCode | None = None
        self.num_rows: list[int] = []
        self.metadata: list[dict[str, str]] = []
        self.stall = threading.Event()
        """Requests wait for it, if `stalls`."""
        self.stalls = False
        self._server = grpc.server(ThreadPoolExecutor(16))
        methods = {"ModelInfer": self._infer, "ModelMetadata": self._describe, "ModelConfig": self._configure}
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=MESSAGES[f"{name}Request"].FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, method in methods.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        address = f"{LOOPBACK}:{port}"
        if certificate is None:
            self.port = self._server.add_insecure_port(address)
        else:
            pair = (certificate.key_path.read_bytes(), certificate.certificate_path.read_bytes())
            self.port = self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))

    @property
    def base_url(self) -> str:
        return f"grpc://{LOOPBACK}:{self.port}"

    def __enter__(self) -> KserveGrpcStandin:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.stall.set()
        self._server.stop(None).wait()

    def _model(self, name: str, context: Any) -> Served:
        if name not in self.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return self.models[name]

    def _describe(self, request: Any, context: Any) -> Any:
        found: Any = self._model(request.name, context).metadata()
        return MESSAGES["ModelMetadataResponse"](
            name=request.name,
            inputs=[MESSAGES["TensorMetadata"](**each) for each in found["inputs"]],
            outputs=[MESSAGES["TensorMetadata"](**each) for each in found["outputs"]],
        )

    def _configure(self, request: Any, context: Any) -> Any:
        size = self._model(request.name, context).max_batch_size
        return MESSAGES["ModelConfigResponse"](config=MESSAGES["ModelConfig"](max_batch_size=size))

    def _infer(self, request: Any, context: Any) -> Any:
        self.metadata.append(dict(context.invocation_metadata()))
        model, given = self._model(request.model_name, context), request.inputs[0]
        batch = np.frombuffer(request.raw_input_contents[0], DATATYPES[given.datatype]).reshape(tuple(given.shape))
        self.num_rows.append(len(batch))
        if self.stalls:
            self.stall.wait()
        code = self.codes.pop(0) if self.codes else self.always
        if code is not None:
            context.abort(code, "planned")
        try:
            answers = model.compute(batch)
        except ValueError as error:
            context.abort(grpc.StatusCode.INTERNAL, f"Traceback\nValueError: {error}")
        named = [(each.name, answers[model.outputs.index(each.name)]) for each in request.outputs]
        return self._answered(named, model.version or "")

    def _answered(self, answers: list[tuple[str, np.ndarray]], version: str) -> Any:
        shaped = [(name, value[:, np.newaxis] if value.ndim == 1 else value) for name, value in answers]
        tensors = [MESSAGES["InferTensor"](name=name, datatype="FP32", shape=value.shape) for name, value in shaped]
        if self._is_raw:
            raw = [np.ascontiguousarray(value, "<f4").tobytes() for _, value in shaped]
            return MESSAGES["ModelInferResponse"](model_version=version, outputs=tensors, raw_output_contents=raw)
        for tensor, (_, value) in zip(tensors, shaped, strict=True):
            tensor.contents.fp32_contents.extend(value.ravel().tolist())
        return MESSAGES["ModelInferResponse"](model_version=version, outputs=tensors)
