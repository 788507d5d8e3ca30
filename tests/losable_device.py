"""A CPU backend that is lost at pictures of one colour, as an accelerator is whose context is poisoned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, Build, DeviceResult, LoadedModel
from operators.inference.backends.cpu import CpuBackend
from operators.inference.compute_mode import Engine
from tests.planted_faults import LOSS_COLOUR

_COLOUR_TOLERANCE = 30.0


class LosableCpu:
    """The CPU, until it is lost.

    Args:
        config: of the CPU.
        marks: files; while one of them is there the device may be lost, and losing it removes them.
    """

    name = "cpu"
    num_submitters = 1

    def __init__(self, config: BackendConfig, marks: Sequence[Path]) -> None:
        self._cpu = CpuBackend(config)
        self._marks = marks
        self._is_lost = False

    def load(self, card: Card, build: Build) -> LosableModel:
        self.require()
        return LosableModel(self._cpu.load(card, build), self)

    def look(self, batch: np.ndarray) -> None:
        """Be lost at the colour."""
        self.require()
        if batch.ndim == 4 and _is_coloured(batch) and any(mark.exists() for mark in self._marks):
            for mark in self._marks:
                mark.unlink(missing_ok=True)
            self._is_lost = True
        self.require()

    def require(self) -> None:
        """Fail where it is lost."""
        if self._is_lost:
            raise DeviceFault("planted: nothing works on this device any more")


class LosableModel:
    """A model on it."""

    def __init__(self, model: LoadedModel, device: LosableCpu) -> None:
        self._model = model
        self._device = device

    @property
    def precision(self) -> Precision:
        return self._model.precision

    @property
    def engine(self) -> Engine:
        return self._model.engine

    def compile(self) -> None:
        self._device.require()
        self._model.compile()

    def warm_up(self) -> dict[int, float]:
        self._device.require()
        return self._model.warm_up()

    def run(self, batch: np.ndarray) -> DeviceResult:
        self._device.look(batch)
        return self._model.run(batch)

    def close(self) -> None:
        self._model.close()


def _is_coloured(batch: np.ndarray) -> bool:
    colours = batch.astype(np.float32).mean(axis=(1, 2))
    return bool((np.abs(colours - np.array(LOSS_COLOUR)) < _COLOUR_TOLERANCE).all(axis=1).any())
