"""The part of the KServe v2 protocol that both transports share: tensors, and what a server says of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from operators.errors import ServerUnavailable

DATATYPES: Final[Mapping[str, str]] = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "i1", "INT16": "<i2",
    "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
"""The protocol's names of numbers, with NumPy's."""

_NAMES: Final = {np.dtype(kind): name for name, kind in DATATYPES.items()}


def datatype_of(dtype: str) -> str:
    """Return the protocol's name of a card's dtype."""
    return _NAMES[np.dtype(dtype)]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output as the server declares it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """-1 where any length is accepted."""

    def accepts(self, shape: Sequence[int]) -> bool:
        """Return whether a tensor of this shape fits."""
        return len(shape) == len(self.shape) and all(
            mine in (-1, theirs) for mine, theirs in zip(self.shape, shape, strict=True)
        )

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the server declares it."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_batch_size: int | None
    """Rows of one request; 0 if the model has no axis for them, None if the server does not say."""


@dataclass(frozen=True, slots=True)
class InferRequest:
    """One request."""

    model: str
    input: TensorSpec
    batch: np.ndarray
    """With the axes of the input."""
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """The answer to one request."""

    arrays: tuple[np.ndarray, ...]
    """float32, in the order of the request's `outputs`, with the shapes that the server gives them."""
    version: str
    """Of the model that computed it; empty if the server does not say."""


class Transport(Protocol):
    """How requests reach a server. Methods block, and may be called from several threads at the same time.

    All raise `RequestRefused`, `BatchFault`, `ServerUnavailable` (`NoAnswerInTime` and `ModelMissing` among them) or
    `Overloaded`.
    """

    def spec(self, model: str, seconds: float) -> ModelSpec:
        """Ask what a model takes and answers."""

    def infer(self, request: InferRequest, seconds: float) -> InferAnswer:
        """Compute one batch."""

    def close(self) -> None:
        """Close every connection; may be repeated."""


def decoded(origin: str, datatype: str, shape: Sequence[int], content: bytes | memoryview) -> np.ndarray:
    """Return a tensor of an answer as float32.

    Raises:
        ServerUnavailable: the bytes are not such a tensor.
    """
    kind = DATATYPES.get(datatype)
    if kind is None or any(length < 0 for length in shape):
        raise ServerUnavailable(origin, f"answered a tensor of {datatype} {list(shape)}, which cannot be read")
    dtype = np.dtype(kind)
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ServerUnavailable(origin, f"answered {len(content)} bytes for a tensor of {datatype} {list(shape)}")
    return np.frombuffer(content, dtype).reshape(tuple(shape)).astype(np.float32)
