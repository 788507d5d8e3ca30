"""The compile step: one bucket after the other, each in a child, into the store from which workers load."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from models.card import Card, Precision
from operators.inference.neuron.artefacts import Artefact, ArtefactStore, Bucket, buckets_of
from operators.inference.neuron.limited_child import ChildFailed, ChildLimits, run_in_child

if TYPE_CHECKING:
    from torch import nn

MAX_INPUTS: Final = 32
"""Of a bucket; they are stored with its program."""

Compile = Callable[[Path, Callable[[], "nn.Module"], Bucket, np.ndarray, ChildLimits], Artefact]
"""Compiles a bucket in a folder. Raises ChildFailed."""


@dataclass(frozen=True, slots=True)
class CompileResult:
    """What became of one bucket."""

    model: str
    bucket: Bucket
    seconds: float
    """0 if the program was there."""
    num_bytes: int
    """Of the program; 0 if there is none."""
    trouble: str = ""
    """Why there is none."""


def compile_model(
    card: Card,
    build: Callable[[], nn.Module],
    precision: Precision,
    inputs: Sequence[np.ndarray],
    store: ArtefactStore,
    limits: ChildLimits,
    compile_bucket: Compile | None = None,
) -> Iterator[CompileResult]:
    """Compile the buckets of a model that the store lacks, and yield one result for each.

    Args:
        card: of the model.
        build: creates its module; must be picklable.
        precision: of all buckets.
        inputs: real inputs, by which workers will judge the programs; without one that fits, a bucket is not compiled.
        store: where the programs go.
        limits: of each child.
        compile_bucket: for tests; `compiled_in_child`.

    Raises:
        NoToolchain: a package of the compiler is missing.
    """
    for bucket in buckets_of(card, precision):
        found = store.recall(card, bucket)
        if found is not None:
            yield CompileResult(card.name, bucket, 0.0, len(found.program))
            continue
        began = time.monotonic()
        try:
            artefact = _compiled(build, bucket, inputs, store, limits, compile_bucket or compiled_in_child)
            trouble = "" if store.keep(card, bucket, artefact) else f"cannot be stored in {store.files.folder}"
        except ChildFailed as error:
            yield CompileResult(card.name, bucket, time.monotonic() - began, 0, str(error))
            continue
        num_bytes = 0 if trouble else len(artefact.program)
        yield CompileResult(card.name, bucket, time.monotonic() - began, num_bytes, trouble)


def _compiled(
    build: Callable[[], nn.Module],
    bucket: Bucket,
    inputs: Sequence[np.ndarray],
    store: ArtefactStore,
    limits: ChildLimits,
    compile_bucket: Compile,
) -> Artefact:
    fitting = fitting_inputs(bucket, inputs)
    if not len(fitting):
        raise ChildFailed("there are no real inputs by which a worker could judge it")
    if trouble := store.files.trouble():
        raise ChildFailed(f"nothing can be stored: {trouble}")
    with tempfile.TemporaryDirectory(prefix="vidsignal-compile-") as folder:
        return compile_bucket(Path(folder), build, bucket, fitting, limits)


def compiled_in_child(
    folder: Path, build: Callable[[], nn.Module], bucket: Bucket, inputs: np.ndarray, limits: ChildLimits
) -> Artefact:
    """Compile in a process of its own. Raises ChildFailed."""
    from operators.inference.neuron.compile_child import ARTEFACT_FILE, compile_to

    run_in_child(compile_to, (folder, build, bucket, inputs), limits)
    try:
        return msgspec.msgpack.decode((folder / ARTEFACT_FILE).read_bytes(), type=Artefact)
    except (OSError, ValueError) as error:
        raise ChildFailed(f"left no program: {error}") from error


def fitting_inputs(bucket: Bucket, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Return the inputs that a bucket can take, (N, *item): shorter ones get zeros at their end, as its rows do."""
    item = bucket.shape[1:]
    fitting = [each for each in inputs if each.shape[1:] == item[1:] and len(each) <= item[0]]
    fitting = sorted(fitting, key=len, reverse=True)[:MAX_INPUTS]  # the longest ones use the whole bucket
    filled = np.zeros((len(fitting), *item), fitting[0].dtype if fitting else np.float32)
    for row, each in zip(filled, fitting, strict=True):
        row[: len(each)] = each
    return filled
