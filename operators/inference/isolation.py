"""Runs one batch to an outcome for every row: a poison row fails alone, a failed device gets a fresh runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from operators.errors import DeviceFault, ModelFault
from operators.inference.batch_sizes import fitting_size
from operators.inference.runner import RowOutput, Runner

Outcome = RowOutput | DeviceFault
"""What becomes of one row."""

MAX_FRESH_RUNNERS = 1
"""Per batch, its halves included; a device that fails again will not be cured by a third try."""


class IsolatedRun:
    """One batch on its way through a runner.

    - The model refuses the batch: both halves are run apart, down to single rows; only refused rows fail.
    - The device fails: one fresh runner, the same rows once more; then the fault is the outcome of these rows.
    """

    def __init__(self, runner: Runner, on_renewal: Callable[[], None]) -> None:
        self._runner = runner
        self._on_renewal = on_renewal
        self._renewals_left = MAX_FRESH_RUNNERS

    def run(self, rows: Sequence[np.ndarray], size: int) -> list[Outcome]:
        """Return one outcome per row, in order; raises nothing that a device or a model causes."""
        try:
            return list(self._run_renewing(rows, size))
        except ModelFault as fault:
            return [fault] if len(rows) == 1 else self._run_halves(rows)
        except DeviceFault as fault:
            return [fault] * len(rows)

    def _run_halves(self, rows: Sequence[np.ndarray]) -> list[Outcome]:
        middle = len(rows) // 2
        sizes = self._runner.batch_sizes
        return [
            outcome
            for half in (rows[:middle], rows[middle:])
            for outcome in self.run(half, fitting_size(len(half), sizes))
        ]

    def _run_renewing(self, rows: Sequence[np.ndarray], size: int) -> list[RowOutput | ModelFault]:
        try:
            return self._runner.run(rows, size)
        except ModelFault:
            raise
        except DeviceFault:
            if self._renewals_left == 0:
                raise
            self._renewals_left -= 1
            self._on_renewal()
            self._runner.renew()
            return self._runner.run(rows, size)
