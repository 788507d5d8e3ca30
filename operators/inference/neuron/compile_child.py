"""Compiles one bucket. Runs in a process of its own: the compiler may take all memory, never end, or crash."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from operators.inference.neuron.artefacts import Answers, Artefact, Bucket
from operators.inference.neuron.toolchain import torch_neuronx

ARTEFACT_FILE: Final = "artefact"
_WORK_FOLDER: Final = "compiler"


class Float32Outputs(nn.Module):
    """A module whose outputs are a tuple of float32 tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.eval().requires_grad_(False)

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Compute a batch (N, *item) and return tensors (N, ...)."""
        return tuple(output.float() for output in self.module(batch))


def compile_to(folder: Path, build: Callable[[], nn.Module], bucket: Bucket, inputs: np.ndarray) -> None:
    """Write the `Artefact` of a bucket into a folder.

    Args:
        folder: empty, of this user alone.
        build: creates the module in float32.
        bucket: what the program shall take.
        inputs: real inputs, (N, *item), at least one.

    Raises:
        Exception: the module cannot be built, or the compiler failed.
    """
    artefact = compiled(folder, build, bucket, inputs)
    (folder / ARTEFACT_FILE).write_bytes(msgspec.msgpack.encode(artefact))


def compiled(folder: Path, build: Callable[[], nn.Module], bucket: Bucket, inputs: np.ndarray) -> Artefact:
    """Return the artefact of a bucket; see `compile_to`."""
    trunk = Float32Outputs(build())
    answers = _answers(trunk, inputs)
    batch = np.stack(list(islice(cycle(inputs), bucket.shape[0])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation of TorchScript, and branches, which the admission covers
        program: Any = torch_neuronx().trace(
            trunk,
            torch.from_numpy(batch),
            compiler_workdir=str(folder / _WORK_FOLDER),
            compiler_args=bucket.flags,
            cpu_backend=True,
        )
        archive = io.BytesIO()
        torch.jit.save(program, archive)
    return Artefact(archive.getvalue(), len(inputs), np.ascontiguousarray(inputs).tobytes(), answers)


def _answers(trunk: nn.Module, inputs: np.ndarray) -> tuple[Answers, ...]:
    """Compute the module's answers, one input at a time: no other row can have a part in them."""
    with torch.inference_mode():
        rows = [trunk(torch.from_numpy(inputs[number : number + 1].copy())) for number in range(len(inputs))]
    return tuple(Answers.of(torch.cat(column).numpy()) for column in zip(*rows, strict=True))
