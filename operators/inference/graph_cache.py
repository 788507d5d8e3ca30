"""Compiled models on disk: what a worker compiled once, the next one on this machine takes up."""

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
"""What decides how a module becomes a graph, beside the modules themselves."""
_STEERING: Final = ("ONEDNN_", "DNNL_", "MKL_", "ATEN_", "PYTORCH_", "TORCH_")
"""Prefixes of variables that steer torch and its kernels."""


class Graph(msgspec.Struct, frozen=True, array_like=True):
    """One graph of a model, and the batch sizes that it serves."""

    sizes: tuple[int, ...]
    code: bytes
    """An archive of TorchScript with the weights in it."""


class CompiledModel(msgspec.Struct, frozen=True, array_like=True):
    """A model as the CPU backend runs it."""

    is_fused: bool
    """Whether oneDNN's fuser takes it."""
    graphs: tuple[Graph, ...]
    answers: Mapping[int, tuple[bytes, ...]]
    """What the eager module said of `warm_up_batch`, by batch size: the raw float32 of each output."""
    seconds_by_size: Mapping[int, float]
    """As `LoadedModel.warm_up` returns them."""


class GraphCache:
    """Compiled models by what decides about them: weights, code, machine, precision, threads.

    Only models whose modules are the registry's may be asked for here: a card does not name another module.
    """

    def __init__(self, files: PrivateCache) -> None:
        self._files = files

    def recall(self, card: Card, precision: Precision, num_threads: int) -> CompiledModel | None:
        """Return what was compiled for exactly this; None where nothing was, or it cannot be read."""
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
        """Keep a compiled model, where there is room for it."""
        self._files.write(_entry_name(card, precision, num_threads), msgspec.msgpack.encode(compiled))

    def forget(self, card: Card, precision: Precision, num_threads: int) -> None:
        """Remove what turned out not to run."""
        self._files.forget(_entry_name(card, precision, num_threads))


def _entry_name(card: Card, precision: Precision, num_threads: int) -> str:
    facts = (str(_FORMAT), repr(card), precision, str(num_threads), code_digest(), *machine_facts(os.environ))
    return f"graph-{card.name}-{_digest(facts)[:32]}"


def machine_facts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What a graph's numbers and speed depend on beside the model: processor, torch, and what steers torch."""
    steering = sorted(f"{name}={setting}" for name, setting in environment.items() if name.startswith(_STEERING))
    return (version("torch"), platform.python_version(), platform.machine(), *cpu_facts(), *steering)


@cache
def code_digest() -> str:
    """SHA-256 of the source of all models and of what compiles them."""
    here = Path(__file__).parent
    sources = [*sorted(Path(models.__file__).parent.glob("*.py")), *(here / name for name in _COMPILERS)]
    return _digest(path.read_text(encoding="utf-8") for path in sources)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()
