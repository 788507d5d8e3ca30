"""The eager path, which the captured graphs are compared with: each kernel started by the host, each output copied in a
call of its own, and nothing overlaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.card import Precision
from operators.inference.cuda.batch_slot import DTYPES, shaped
from operators.inference.cuda.cuda_device import CudaDevice
from operators.inference.precision_wrapper import PrecisionWrapper, in_channels_last
from ops.bench.device.carried import CarriedModel


class EagerPath:
    """One model; batches one after the other.

    Args:
        model: what runs.
        device: where; nobody else may use it meanwhile.
        precision: of the model.
        rows: a batch; the others have its shape.
    """

    def __init__(
        self, model: CarriedModel, device: CudaDevice, precision: Precision, rows: Sequence[np.ndarray]
    ) -> None:
        self._runtime, self._stream = device.runtime, device.compute
        shape, dtype = (len(rows), *rows[0].shape), DTYPES[model.card.input_dtype]
        num_bytes = sum(row.nbytes for row in rows)
        wrapped = PrecisionWrapper(model.build(), precision)
        with self._runtime.on(self._stream):
            self._trunk = in_channels_last(wrapped).to(self._runtime.device)
        self._host = shaped(self._runtime.pinned(num_bytes), shape, dtype)
        self._device = shaped(self._runtime.empty(num_bytes), shape, dtype)
        self._outputs: tuple[Tensor, ...] = ()
        self._work = self._runtime.eager(self._compute)

    def _compute(self) -> None:
        self._outputs = self._trunk(self._device)

    def run(self, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Stack, upload, compute, download."""
        batch = np.stack(rows)
        with self._runtime.on(self._stream), torch.inference_mode():
            self._host.numpy()[...] = batch
            self._runtime.copy(self._device, self._host)
            self._work.replay()
            return tuple(output.cpu().numpy() for output in self._outputs)
