"""The CUDA backend: one NVIDIA accelerator, eager kernels in channels-last, pinned staging memory, event timing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, Build, DeviceResult
from operators.inference.compute_mode import Engine
from operators.inference.device_loss import device_fault
from operators.inference.precision import choose_precision
from operators.inference.precision_wrapper import (
    PrecisionWrapper,
    in_channels_last,
    time_batches,
    to_arrays,
    warm_up_batch,
)

DEVICE_WORDS = ("CUDA", "cuDNN", "CUDNN", "CUBLAS", "cuBLAS", "NCCL", "NVML")
"""Words in a RuntimeError that the device raised, for errors without a type of their own."""


class CudaBackend:
    """The accelerator `device_index`."""

    name = "cuda"
    num_submitters = 1

    def __init__(self, config: BackendConfig) -> None:
        compute_full_float32()
        self._config = config
        self._device = torch.device("cuda", config.device_index)

    @staticmethod
    def is_available() -> bool:
        """Return whether this machine has such a device."""
        return torch.cuda.is_available()

    def load(self, card: Card, build: Build) -> CudaModel:
        """See `Backend.load`."""
        if not torch.cuda.is_available() or self._config.device_index >= torch.cuda.device_count():
            raise DeviceFault(f"no CUDA device {self._config.device_index}, found {torch.cuda.device_count()}")
        with device_faults(card):
            torch.cuda.set_device(self._device)
            offered: tuple[Precision, ...] = (
                ("float32", "bfloat16") if torch.cuda.is_bf16_supported(including_emulation=False) else ("float32",)
            )
            precision = choose_precision(card, self._config.precision, offered)
            return CudaModel(card, build(), precision, self._device)


def compute_full_float32() -> None:
    """Let float32 be float32 in this process: by default, cuDNN computes convolutions in TF32, with 10 bits.

    Sets only what replaced `allow_tf32` in torch 2.9; torch refuses a mixture of both.
    """
    cudnn: Any = torch.backends.cudnn  # torch does not declare the types of these
    for setting in (cudnn, cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul):
        setting.fp32_precision = "ieee"


def cuda_uuid(device_index: int) -> str:
    """Return the identifier of an accelerator that other programs use, too."""
    return str(torch.cuda.get_device_properties(device_index).uuid)


class CudaModel:
    """One model on one accelerator."""

    def __init__(self, card: Card, module: nn.Module, precision: Precision, device: torch.device) -> None:
        self._card = card
        self._precision = precision
        self._device = device
        self._trunk: nn.Module | None = in_channels_last(PrecisionWrapper(module, precision)).to(device)
        self._staging: dict[tuple[int, ...], Tensor] = {}

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return "torch"

    def compile(self) -> None:
        """Pin one input buffer per shape of a batch; the kernels stay eager, and are tuned in the warm-up."""
        with device_faults(self._card):
            self._staging = {
                (size, *item): torch.from_numpy(warm_up_batch(self._card, size, item)).pin_memory()
                for size in self._card.batch_sizes
                for item in self._card.item_shapes
            }

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`: the first run of a shape selects and loads its kernels, the others are timed."""
        return time_batches(self.run, self._card, self._card.batch_sizes, num_runs=4)

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        trunk = self._trunk
        if trunk is None:
            raise DeviceFault(f"model {self._card.name} is closed on {self._device}")
        with device_faults(self._card), torch.inference_mode():
            staged = self._staging[batch.shape]
            staged.numpy()[...] = batch
            started, ended = _timing_event(), _timing_event()
            started.record()
            values = to_arrays(trunk(staged.to(self._device, non_blocking=True)))
            ended.record()
            ended.synchronize()
            return DeviceResult(values, device_seconds=started.elapsed_time(ended) / 1000)

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self._trunk = None
        self._staging = {}
        if torch.cuda.is_available():
            with device_faults(self._card):
                torch.cuda.empty_cache()


def _timing_event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


@contextmanager
def device_faults(card: Card) -> Iterator[None]:
    """Turn errors of the device into `DeviceFault`; errors of a module about its input pass."""
    try:
        yield
    except (torch.AcceleratorError, torch.OutOfMemoryError) as error:
        raise device_fault(f"model {card.name}: {error}") from error
    except RuntimeError as error:
        if any(word in str(error) for word in DEVICE_WORDS):
            raise device_fault(f"model {card.name}: {error}") from error
        raise
