"""Compiles models of tests for the stand-in of a Neuron device, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from models.card import Card, Precision
from operators.inference.neuron.artefacts import Artefact, ArtefactStore, Bucket
from operators.inference.neuron.compile_child import compiled
from operators.inference.neuron.compiling import CompileResult, compile_model
from operators.inference.neuron.limited_child import ChildFailed, ChildLimits
from operators.inference.private_cache import PrivateCache

NO_LIMITS = ChildLimits(seconds=600.0, memory_bytes=2**40)


def compiled_here(
    folder: Path, build: Callable[[], nn.Module], bucket: Bucket, inputs: np.ndarray, limits: ChildLimits
) -> Artefact:
    """Compile without a child, whose start takes seconds."""
    try:
        return compiled(folder, build, bucket, inputs)
    except RuntimeError as error:
        raise ChildFailed(str(error)) from error


def compile_here(
    store: ArtefactStore,
    card: Card,
    build: Callable[[], nn.Module],
    inputs: Sequence[np.ndarray],
    precision: Precision = "bfloat16",
) -> list[CompileResult]:
    """Compile all buckets of a model."""
    return list(compile_model(card, build, precision, inputs, store, NO_LIMITS, compiled_here))


def empty_store(folder: Path) -> ArtefactStore:
    """A store without programs."""
    return ArtefactStore(PrivateCache(folder / "neuron", 2**30))


def store_of(
    folder: Path,
    card: Card,
    build: Callable[[], nn.Module],
    inputs: Sequence[np.ndarray],
    precisions: Sequence[Precision] = ("bfloat16",),
) -> ArtefactStore:
    """A store with all programs of a model."""
    store = empty_store(folder)
    for precision in precisions:
        assert [
            result.trouble for result in compile_here(store, card, build, inputs, precision) if result.trouble
        ] == []
    return store
