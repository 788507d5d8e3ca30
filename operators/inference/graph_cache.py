"""Compiled models on disk: what one worker compiled, the next one on this machine loads."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

import models
from models.card import Card, Precision
from operators.inference.cpu_probe import cpu_facts
from operators.inference.private_cache import PrivateCache

_FORMAT: Final = 1
"""Raised when an entry's fields change."""
_COMPILERS: Final = (
    "precision_wrapper.py", "graph_cache.py", "backends/cpu.py", "backends/cpu_graphs.py",
)  # fmt: skip
"""Files that determine how a module becomes a graph, in addition to the modules themselves."""
_STEERING: Final = ("ONEDNN_", "DNNL_", "MKL_", "ATEN_", "PYTORCH_", "TORCH_")
"""Prefixes of environment variables that configure torch and its kernels."""


class Graph(msgspec.Struct, frozen=True, array_like=True):
    """One graph of a model, and the batch sizes that it supports."""

    sizes: tuple[int, ...]
    code: bytes
    """An archive of TorchScript that contains the weights."""


class CompiledModel(msgspec.Struct, frozen=True, array_like=True):
    """A model as the CPU backend runs it."""

    is_fused: bool
    """Whether oneDNN's fuser accepts it."""
    graphs: tuple[Graph, ...]
    answers: Mapping[int, tuple[bytes, ...]]
    """The eager module's outputs for `warm_up_batch`, by batch size: the raw float32 of each output."""
    seconds_by_size: Mapping[int, float]
    """As `LoadedModel.warm_up` returns them."""


class GraphCache:
    """Compiled models by everything that determines them: weights, code, machine, precision, threads.

    Only for models whose modules are those of the registry: a card does not identify other modules.
    """

    def __init__(self, files: PrivateCache) -> None:
        self._files = files

    def recall(self, card: Card, precision: Precision, num_threads: int) -> CompiledModel | None:
        """Return the compiled model for exactly these inputs; None if there is none, or it cannot be read."""
        name = _entry_name(card, precision, num_threads)
        content = self._files.read(name)
        if content is None:
            return None
        try:
            return msgspec.msgpack.decode(content, type=CompiledModel)
        except msgspec.MsgspecError:
            self._files.forget(name)
            return None

    def keep(self, card: Card, precision: Precision, num_threads: int, compiled: CompiledModel) -> None:
        """Store a compiled model, if there is room for it."""
        self._files.write(_entry_name(card, precision, num_threads), msgspec.msgpack.encode(compiled))

    def forget(self, card: Card, precision: Precision, num_threads: int) -> None:
        """Remove a compiled model that does not run."""
        self._files.forget(_entry_name(card, precision, num_threads))


def _entry_name(card: Card, precision: Precision, num_threads: int) -> str:
    facts = (str(_FORMAT), repr(card), precision, str(num_threads), code_digest(), *machine_facts(os.environ))
    return f"graph-{card.name}-{_digest(facts)[:32]}"


def machine_facts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a graph's numbers and speed depend on in addition to the model: CPU, torch, and its configuration."""
    steering = sorted(f"{name}={setting}" for name, setting in environment.items() if name.startswith(_STEERING))
    return (version("torch"), platform.python_version(), platform.machine(), *cpu_facts(), *steering)


@cache
def code_digest() -> str:
    """Return the SHA-256 of the source of all models and of the compiler."""
    here = Path(__file__).parent
    sources = [*sorted(Path(models.__file__).parent.glob("*.py")), *(here / name for name in _COMPILERS)]
    return _digest(path.read_text(encoding="utf-8") for path in sources)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()
