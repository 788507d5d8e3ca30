"""Compiled programs on disk, each with real inputs and the answers that it must give to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

import models
from models.card import Card, Precision
from operators.inference.graph_cache import Shape, digest_of
from operators.inference.neuron.toolchain import toolchain_versions
from operators.inference.private_cache import PrivateCache

Target = Literal["inf2"]
TARGET: Final[Target] = "inf2"

MAX_STORE_BYTES: Final = 64 * 1024**3
"""More than all programs of a release take: nothing that a build step compiled is removed to make room."""

_FORMAT: Final = 1
"""Raised when an artefact's fields change."""
_COMPILER: Final = "compile_child.py"
"""File that determines how a module becomes a program, in addition to the modules themselves."""
_AUTO_CAST: Final[dict[Precision, str]] = {
    "float32": "--auto-cast none",
    # Operands of products are rounded, sums stay in float32. `all` would also round masks, whose lowest float32 becomes
    # -inf, and a row of nothing but padding then has no finite softmax.
    "bfloat16": "--auto-cast matmult --auto-cast-type bf16",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The only batch that a program takes."""

    shape: Shape
    """Its size, then the shape of an item."""
    precision: Precision

    def __str__(self) -> str:
        """Size, length of an item, precision."""
        return f"{'x'.join(map(str, self.shape[:2]))}-{self.precision}"

    @property
    def flags(self) -> str:
        """What the compiler is told."""
        return f"--target {TARGET} {_AUTO_CAST[self.precision]}"


def buckets_of(card: Card, precision: Precision) -> tuple[Bucket, ...]:
    """Return all buckets of a model, smaller batches first."""
    return tuple(Bucket((size, *item), precision) for size in card.batch_sizes for item in card.item_shapes)


def device_precision(card: Card, preference: str) -> Precision:
    """Return the precision on a device: the faster one, if the card permits it and the settings do not exclude it."""
    is_reduced = "bfloat16" in card.precisions and preference != "float32"
    return "bfloat16" if is_reduced else "float32"


class Answers(msgspec.Struct, frozen=True, array_like=True):
    """One output for all inputs, raw float32."""

    shape: Shape
    raw: bytes

    @classmethod
    def of(cls, values: np.ndarray) -> Answers:
        """Keep an array."""
        return cls(values.shape, np.ascontiguousarray(values, np.float32).tobytes())

    def array(self) -> np.ndarray:
        """Return the array."""
        return np.frombuffer(self.raw, np.float32).reshape(self.shape)


class Artefact(msgspec.Struct, frozen=True, array_like=True):
    """A program, and what it is judged by before it is used."""

    program: bytes
    """An archive of TorchScript around what the compiler made; contains the weights."""
    num_inputs: int
    inputs: bytes
    """Real inputs, in the bucket's item shape and the card's dtype."""
    answers: tuple[Answers, ...]
    """The module's answers to them in float32 on a CPU, one per output."""

    def input_array(self, card: Card, bucket: Bucket) -> np.ndarray:
        """Return the inputs, (N, *item)."""
        return np.frombuffer(self.inputs, card.input_dtype).reshape(self.num_inputs, *bucket.shape[1:])


_DECODER: Final = msgspec.msgpack.Decoder(Artefact)


class ArtefactStore:
    """Programs by everything that determines them: weights, code, bucket, compiler and its flags.

    Only for models whose modules are those of the registry, see `GraphCache`.
    """

    def __init__(self, files: PrivateCache) -> None:
        self.files = files

    def recall(self, card: Card, bucket: Bucket) -> Artefact | None:
        """Return the program for exactly this bucket; None if it is missing, damaged, or not written by this user.

        Raises:
            NoToolchain: a package is missing, and so a program's name is unknown.
        """
        return self.files.decoded(entry_name(card, bucket), _DECODER.decode)

    def keep(self, card: Card, bucket: Bucket, artefact: Artefact) -> bool:
        """Store a program; returns whether it can be recalled."""
        self.files.write(entry_name(card, bucket), msgspec.msgpack.encode(artefact))
        return self.recall(card, bucket) is not None

    def forget(self, card: Card, bucket: Bucket) -> None:
        """Remove a program."""
        self.files.forget(entry_name(card, bucket))


def entry_name(card: Card, bucket: Bucket) -> str:
    """Return an artefact's name: model and bucket for people, and the digest of all that determines the program.

    Raises:
        NoToolchain: a package is missing.
    """
    facts = (str(_FORMAT), repr(card), repr(bucket), bucket.flags, code_digest(), *toolchain_versions())
    return f"{TARGET}-{card.name}-{bucket}-{digest_of(facts)[:32]}"


@cache
def code_digest() -> str:
    """Return the SHA-256 of the source of all models and of the compile step."""
    sources: Sequence[Path] = sorted(Path(models.__file__).parent.rglob("*.py"))
    return digest_of(path.read_text(encoding="utf-8") for path in (*sources, Path(__file__).with_name(_COMPILER)))
