"""The CUDA backend: one NVIDIA accelerator. Batches of several threads are in flight: while one computes, the others
are copied.

A batch is stacked in pinned memory, uploaded, computed by a captured graph, and its packed answer is downloaded. All
graphs of the device run in one stream, one after the other; each thread copies in a stream of its own.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch

from models.card import Card, Precision
from operators.errors import DeviceFault, ModelFault
from operators.inference.backend import BackendConfig, Build, DeviceResult
from operators.inference.compute_mode import Engine
from operators.inference.cuda.batch_slot import DTYPES, BatchSlot
from operators.inference.cuda.cuda_device import NAME, CudaDevice
from operators.inference.cuda.device_model import BatchGraph, DeviceModel
from operators.inference.cuda.faults import device_fault, device_faults
from operators.inference.cuda.runtime import CudaRuntime, TorchCuda
from operators.inference.graph_cache import Shape
from operators.inference.precision_wrapper import time_batches, warm_up_batch

SUBMITTERS: Final = 3
"""Batches in flight: one is stacked and uploaded, one computes, one is downloaded and taken apart."""
TIMED_RUNS: Final = 2


class CudaBackend:
    """The accelerator `device_index`. Its threads share the models, and each has a slot of its own.

    Args:
        config: of the worker.
        runtime: of the device; by default `torch.cuda`, opened at the first load.
    """

    name = NAME
    num_submitters = SUBMITTERS

    def __init__(self, config: BackendConfig, runtime: CudaRuntime | None = None) -> None:
        compute_full_float32()
        self._config = config
        self._runtime = runtime
        self._opening = threading.Lock()
        self._device: CudaDevice | None = None

    @staticmethod
    def is_available() -> bool:
        """Return whether this machine has such a device."""
        return torch.cuda.is_available()

    def load(self, card: Card, build: Build) -> CudaModel:
        """See `Backend.load`. Raises `RunsOnHost` if no batch size of the card fits."""
        with device_faults(card):
            device = self._opened()
            device.runtime.claim_thread()
            compute_full_float32()  # a library may have changed it since
            slot = device.slot()
            model = device.join(card, build)
            slot.make_room(model.input_bytes, model.output_bytes)
            return CudaModel(model, device, slot)

    def _opened(self) -> CudaDevice:
        with self._opening:
            if self._device is None:
                self._device = CudaDevice(self._runtime or self._found(), self._config)
            return self._device

    def _found(self) -> CudaRuntime:
        index = self._config.device_index
        if not torch.cuda.is_available() or index >= torch.cuda.device_count():
            raise DeviceFault(f"no CUDA device {index}, found {torch.cuda.device_count()}")
        return TorchCuda(index)


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
    """One model of one thread."""

    def __init__(self, model: DeviceModel, device: CudaDevice, slot: BatchSlot) -> None:
        self._model: DeviceModel | None = model
        self._card = model.card
        self._precision = model.precision
        self.device = device
        self.slot = slot

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return "torch"

    @property
    def buckets(self) -> Mapping[Shape, BatchGraph]:
        """What runs, by shape of the batch."""
        return self._open().buckets

    def poison_outputs(self) -> None:
        """Make whatever the next batch does not write not a number, for checks of answers."""
        with self.device.turn, self.device.runtime.on(self.device.compute), torch.inference_mode():
            for bucket in self.buckets.values():
                sides = self.slot.outputs(bucket.packed.nbytes)
                for memory in (bucket.packed, sides.device, sides.host):
                    memory.fill_(math.nan)

    def compile(self) -> None:
        """Do nothing: graphs are captured when the model is loaded, once for all threads."""

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; the card's sizes, and larger ones that gain on this device."""
        return time_batches(self.run, self._card, self._open().sizes, TIMED_RUNS)

    def input_array(self, shape: Shape) -> np.ndarray:
        """See `LendsInputs.input_array`."""
        return self.slot.inputs(shape, DTYPES[self._card.input_dtype]).array

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`; `device_seconds` are those of the kernels alone."""
        model = self._open()
        bucket = model.buckets.get(batch.shape)
        if bucket is None:
            raise DeviceFault(f"model {self._card.name} has no graph for {batch.shape}")
        try:
            return self._answered(bucket, batch)
        except DeviceFault as fault:
            model.has_failed |= not isinstance(fault, ModelFault)
            raise

    def _answered(self, bucket: BatchGraph, batch: np.ndarray) -> DeviceResult:
        with device_faults(self._card), torch.inference_mode():
            try:
                return self._crossed(bucket, batch)
            except (torch.AcceleratorError, torch.OutOfMemoryError):
                raise
            except Exception as error:
                if self._is_of_batch(bucket):
                    raise
                raise device_fault(error, f"model {self._card.name}: {error}") from error

    def _is_of_batch(self, bucket: BatchGraph) -> bool:
        """Whether an error that has no type of the device is the batch's: the module's code ran, and takes good input.

        A graph contains no code that looks at its input. Libraries of the device raise such errors, too.
        """
        if bucket.is_captured:
            return False
        shape = tuple(bucket.inputs.shape)
        try:
            self._crossed(bucket, warm_up_batch(self._card, shape[0], shape[1:]))
        except (torch.AcceleratorError, torch.OutOfMemoryError):
            raise
        except Exception:
            return False
        return True

    def _crossed(self, bucket: BatchGraph, batch: np.ndarray) -> DeviceResult:
        """Upload, compute, download; returns when the answer is on the host."""
        device, slot = self.device, self.slot
        inputs = slot.inputs(batch.shape, bucket.inputs.dtype)
        outputs = slot.outputs(bucket.packed.nbytes)
        if batch is not inputs.array:
            inputs.array[...] = batch
        with device.runtime.on(slot.copies):
            device.runtime.copy(inputs.device, inputs.host)
            slot.uploaded.record(slot.copies)
        with device.turn, device.runtime.on(device.compute):
            device.compute.wait_event(slot.uploaded)
            device.runtime.copy(bucket.inputs, inputs.device)
            slot.started.record(device.compute)
            bucket.graph.replay()
            slot.ended.record(device.compute)
            device.runtime.copy(outputs.device, bucket.packed)
            slot.computed.record(device.compute)
        with device.runtime.on(slot.copies):
            slot.copies.wait_event(slot.computed)
            device.runtime.copy(outputs.host, outputs.device)
            slot.downloaded.record(slot.copies)
        slot.downloaded.synchronize()
        values = bucket.packing.unpack(outputs.array.copy())
        return DeviceResult(values, device_seconds=slot.started.elapsed_time(slot.ended) / 1000)

    def _open(self) -> DeviceModel:
        if self._model is None:
            raise DeviceFault(f"model {self._card.name} is closed on {self.device.runtime.device}")
        return self._model

    def close(self) -> None:
        """See `LoadedModel.close`; its memory is free when the last thread has closed it."""
        model, self._model = self._model, None
        if model is not None:
            self.device.leave(model)
