"""`torch_neuronx.trace`: needs no device with `cpu_backend`, takes its time, and fails as neuronx-cc does."""

from __future__ import annotations

import io
import os
import shlex
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from torch_neuronx.precision import AUTO_CASTS, AutoCast
from torch_neuronx.program import Head, packed
from torch_neuronx.rules import plan
from torch_neuronx.runtime import load_on_core, tracing


def trace(
    func: Callable[..., Any],
    example_inputs: Any,
    *,
    input_output_aliases: Any = None,
    compiler_workdir: Any = None,
    compiler_args: Any = None,
    partitioner_config: Any = None,
    inline_weights_to_neff: bool = True,
    cpu_backend: bool = False,
) -> torch.jit.ScriptModule:
    """Compile a module for the shapes and dtypes of its example inputs.

    Raises:
        RuntimeError: the compiler failed.
    """
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    if not all(isinstance(each, Tensor) for each in inputs):
        raise TypeError("example_inputs must be a tensor, or a tuple of tensors")
    flags = _flags(compiler_args)
    if cpu_backend and flags.get("--target") is None:
        raise RuntimeError("cpu_backend needs compiler_args with --target")
    _work_as_planned()
    graph, answers = _graph(func, inputs, flags.get("--auto-cast", "none"))
    archive = io.BytesIO()
    torch.jit.save(graph, archive)
    head = Head(
        shapes=tuple(tuple(each.shape) for each in inputs),
        dtypes=tuple(str(each.dtype) for each in inputs),
        num_outputs=len(answers),
        device_bytes=len(archive.getvalue()) + sum(each.nbytes for each in (*inputs, *answers)),
        is_wrong=inputs[0].shape[0] == plan().wrong_batch,
    )
    with tracing(answers), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(_Executable(packed(head, archive.getvalue())), inputs, check_trace=False)
    if not cpu_backend:
        load_on_core(traced)
    return traced


class _Executable(nn.Module):
    def __init__(self, neff: Tensor) -> None:
        super().__init__()
        self.register_buffer("neff", neff)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.ops.neuron.forward_v2(list(inputs), self.neff))


def _flags(compiler_args: Any) -> dict[str, str]:
    words = shlex.split(compiler_args) if isinstance(compiler_args, str) else list(compiler_args or ())
    flags = dict(zip(words[::2], words[1::2], strict=True))
    if flags.get("--auto-cast", "none") not in AUTO_CASTS:
        raise RuntimeError("neuronx-cc failed with 2: argument --auto-cast: invalid choice")
    return flags


def _work_as_planned() -> None:
    planned = plan()
    time.sleep(planned.compile_seconds)
    if planned.is_compiler_segfaulting:
        os.kill(os.getpid(), signal.SIGSEGV)
    if planned.compiler_code:
        raise RuntimeError(f"neuronx-cc failed with 70: [ERROR] [{planned.compiler_code}] cannot be compiled")
    if planned.compiler_exit:
        raise RuntimeError(f"neuronx-cc failed with {planned.compiler_exit}")


def _graph(
    func: Callable[..., Any], inputs: tuple[Tensor, ...], auto_cast: str
) -> tuple[torch.jit.ScriptModule, tuple[Tensor, ...]]:
    module = _Rounded(func, auto_cast).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation; branches, which a trace fixes here as there
        traced = torch.jit.trace(module, inputs, check_trace=False)
        return torch.jit.freeze(traced), tuple(traced(*inputs))


class _Rounded(nn.Module):
    def __init__(self, func: Any, auto_cast: str) -> None:
        super().__init__()
        self.func = func
        self._auto_cast = auto_cast

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with AutoCast(self._auto_cast):
            answers = self.func(*inputs)
        return (answers,) if isinstance(answers, Tensor) else tuple(answers)
