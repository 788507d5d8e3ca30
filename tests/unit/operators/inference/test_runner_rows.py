"""The rows that a runner hands out belong to their callers, whatever the engine does with its memory afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from models.card import Card, Precision
from operators.inference.backend import DeviceResult
from operators.inference.compute_mode import Engine
from operators.inference.runner import RowOutput, Runner
from tests.unit.operators.inference.fakes import number, number_card


@dataclass
class ReusingModel:
    """Answers every batch in the same memory, as an engine with buffers of its own may."""

    memory: np.ndarray
    precision: Precision = "float32"
    engine: Engine = "torch"

    def load(self, card: Card, module: Any) -> ReusingModel:
        return self

    def compile(self) -> None:
        """Nothing to compile."""

    def warm_up(self) -> dict[int, float]:
        return {4: 0.01}

    def run(self, batch: np.ndarray) -> DeviceResult:
        self.memory[...] = batch.astype(np.float32).reshape(-1, *[1] * (self.memory.ndim - 1))
        return DeviceResult((self.memory,), 0.01)

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("shape", [(4,), (4, 6), (4, 20_000)], ids=["numbers", "small rows", "large rows"])
def test_a_later_batch_changes_no_row(shape: tuple[int, ...]) -> None:
    """Few bytes are copied at once and many row by row; neither is a view of the engine's memory."""
    model = ReusingModel(np.zeros(shape, dtype=np.float32))
    runner = Runner(replace(number_card(), batch_sizes=(4,)), lambda _: None, model)  # type: ignore[arg-type, return-value]
    runner.open()
    rows = runner.run([number(value) for value in (1, 2, 3)], 4)
    runner.run([number(9)] * 4, 4)
    found = [row.values[0] for row in rows if isinstance(row, RowOutput)]
    assert [(values.shape, float(values.max())) for values in found] == [
        (shape[1:], value) for value in (1.0, 2.0, 3.0)
    ]


def test_a_large_row_keeps_no_others() -> None:
    """A caller that keeps one row of a large output keeps only that."""
    runner = Runner(number_card(), lambda _: None, ReusingModel(np.zeros((4, 20_000), dtype=np.float32)))  # type: ignore[arg-type, return-value]
    runner.open()
    (row, *_) = runner.run([number(1)] * 4, 4)
    assert isinstance(row, RowOutput)
    assert row.values[0].base is None
