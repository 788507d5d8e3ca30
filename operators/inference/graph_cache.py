"""Compiled models on disk: what one worker compiled, the next one on this machine loads."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

import models
from models.card import Card
from operators.inference.compute_mode import ComputeMode
from operators.inference.cpu_probe import cpu_facts
from operators.inference.private_cache import PrivateCache

_FORMAT: Final = 2
"""Raised when an entry's fields change."""
_COMPILERS: Final = ("precision_wrapper.py", "graph_cache.py", "silent_openvino.py", "backends/*.py")
"""Files that determine how a module is run, in addition to the modules themselves."""
_STEERING: Final = ("ONEDNN_", "DNNL_", "MKL_", "ATEN_", "PYTORCH_", "TORCH_")
"""Prefixes of environment variables that configure torch and its kernels."""


Shape = tuple[int, ...]
"""Of a batch: its size, then the shape of an item."""


class Graph(msgspec.Struct, frozen=True, array_like=True):
    """One graph of a model, and the shapes of batches that it supports."""

    shapes: tuple[Shape, ...]
    code: bytes
    """What its engine loads; contains the weights."""


class CompiledModel(msgspec.Struct, frozen=True, array_like=True):
    """A model as the CPU backend runs it."""

    is_fused: bool
    """Whether oneDNN's fuser accepts it; of torch only."""
    graphs: tuple[Graph, ...]
    answers: Mapping[Shape, tuple[bytes, ...]]
    """The eager module's outputs for `warm_up_batch`, by shape of the batch: the raw float32 of each output."""
    seconds_by_size: Mapping[int, float]
    """As `LoadedModel.warm_up` returns them."""


_DECODER: Final = msgspec.msgpack.Decoder(CompiledModel)


class GraphCache:
    """Compiled models by everything that determines them: weights, code, machine, engine, precision, threads.

    Only for models whose modules are those of the registry: a card does not identify other modules.
    """

    def __init__(self, files: PrivateCache) -> None:
        self._files = files

    def recall(self, card: Card, mode: ComputeMode, num_threads: int) -> CompiledModel | None:
        """Return the compiled model for exactly these inputs; None if there is none, or it cannot be read."""
        return self._files.decoded(_entry_name(card, mode, num_threads), _DECODER.decode)

    def keep(self, card: Card, mode: ComputeMode, num_threads: int, compiled: CompiledModel) -> None:
        """Store a compiled model, if there is room for it."""
        self._files.write(_entry_name(card, mode, num_threads), msgspec.msgpack.encode(compiled))

    def forget(self, card: Card, mode: ComputeMode, num_threads: int) -> None:
        """Remove a compiled model that does not run."""
        self._files.forget(_entry_name(card, mode, num_threads))


def _entry_name(card: Card, mode: ComputeMode, num_threads: int) -> str:
    facts = (str(_FORMAT), repr(card), str(mode), str(num_threads), code_digest(), *machine_facts(os.environ))
    return f"graph-{card.name}-{digest_of(facts)[:32]}"


def machine_facts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a graph's numbers and speed depend on in addition to the model: CPU, torch, and its configuration."""
    versions = (version("torch"), openvino_version(), platform.python_version(), platform.machine())
    return (*versions, *cpu_facts(), *steering_variables(environment))


def openvino_version() -> str:
    """Return the version of the optional engine; empty if it is not installed."""
    return _version_of("openvino")


def transformers_version() -> str:
    """Return the version of the library of added models; empty if it is not installed."""
    return _version_of("transformers")


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def steering_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the environment variables that configure torch and its kernels."""
    return sorted(f"{name}={setting}" for name, setting in environment.items() if name.startswith(_STEERING))


@cache
def code_digest() -> str:
    """Return the SHA-256 of the source of all models and of all backends."""
    return digest_of(path.read_text(encoding="utf-8") for path in code_files())


def code_files() -> list[Path]:
    """Return the files that determine how a model computes, and how fast."""
    here = Path(__file__).parent
    return [
        *sorted(Path(models.__file__).parent.rglob("*.py")),
        *(path for pattern in _COMPILERS for path in sorted(here.glob(pattern))),
    ]


def digest_of(parts: Iterable[str]) -> str:
    """Return the SHA-256 of texts in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()
