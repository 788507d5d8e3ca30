"""Runs one batch to an outcome for every row: a poison row fails alone, a failed device gets a new runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from operators.errors import DeviceFault, DeviceFull, DeviceLost, ModelFault, Overloaded, SourceUnavailable
from operators.inference.batch_sizes import fitting_size
from operators.inference.loaded_model import NO_TERMS, RequestTerms
from operators.inference.remote.faults import BatchFault, RequestRefused
from operators.inference.runner import RowOutput, Runner

Outcome = RowOutput | DeviceFault | SourceUnavailable | Overloaded
"""Result of one row."""

MAX_FRESH_RUNNERS = 1
"""Per batch, its halves included; a device that fails again will not recover with a third runner."""


class IsolatedRun:
    """One batch on its way through a runner.

    - If the model rejects the batch, both halves are run separately, down to single rows; only rejected rows fail.
    - If the device fails, the same rows run once more on a new runner; if that fails, the fault is the outcome of these
      rows.
    - If a new runner fails in its warm-up, or the device fails with rows that are known to be good, the device is lost,
      and this is the outcome of every remaining row. A device that is only full is not lost.
    - If a server fails with the batch, each row is sent once more and alone: the server may have failed for a row of
      another request. A refused request is not sent again, and a server without an answer or without room is the
      outcome of all remaining rows.
    """

    def __init__(self, runner: Runner, on_renewal: Callable[[], None], terms: RequestTerms = NO_TERMS) -> None:
        self._runner = runner
        self._on_renewal = on_renewal
        self._terms = terms
        self._renewals_left = MAX_FRESH_RUNNERS
        self._lost: DeviceLost | SourceUnavailable | Overloaded | None = None

    def run(self, rows: Sequence[np.ndarray], size: int) -> list[Outcome]:
        """Return one outcome per row, in order; errors of a device, a server or a model are never raised."""
        if self._lost is not None:
            return [self._lost] * len(rows)
        try:
            return list(self._run_renewing(rows, size))
        except BatchFault as fault:
            return [fault] * len(rows) if self._terms.is_alone else self._run_alone(rows)
        except RequestRefused as fault:
            return [fault] * len(rows)
        except (SourceUnavailable, Overloaded) as unavailable:
            self._lost = unavailable
            return [unavailable] * len(rows)
        except ModelFault as fault:
            return [fault] if len(rows) == 1 else self._run_halves(rows)
        except DeviceFault as fault:
            self._lost = fault if isinstance(fault, DeviceLost) else None
            return [fault] * len(rows)

    def _run_halves(self, rows: Sequence[np.ndarray]) -> list[Outcome]:
        middle = len(rows) // 2
        sizes = self._runner.batch_sizes
        return [
            outcome
            for half in (rows[:middle], rows[middle:])
            for outcome in self.run(half, fitting_size(len(half), sizes))
        ]

    def _run_alone(self, rows: Sequence[np.ndarray]) -> list[Outcome]:
        self._terms = replace(self._terms, is_alone=True)
        size = fitting_size(1, self._runner.batch_sizes)
        return [outcome for row in rows for outcome in self.run([row], size)]

    def _run_renewing(self, rows: Sequence[np.ndarray], size: int) -> list[RowOutput | ModelFault]:
        try:
            return self._runner.run(rows, size, self._terms)
        except (ModelFault, DeviceLost):
            raise
        except DeviceFault as fault:
            if self._renewals_left == 0:
                self._probe(fault)
                raise
            self._renew(fault)
        try:
            return self._runner.run(rows, size, self._terms)
        except (ModelFault, DeviceLost):
            raise
        except DeviceFault as fault:
            self._probe(fault)
            raise

    def _renew(self, fault: DeviceFault) -> None:
        self._renewals_left -= 1
        self._on_renewal()
        try:
            self._runner.renew()
        except (DeviceLost, DeviceFull):
            raise
        except DeviceFault as error:
            raise DeviceLost(f"{fault}; a fresh runner fails, too: {error}") from error

    def _probe(self, fault: DeviceFault) -> None:
        """Determine whether the device works, independently of these rows."""
        try:
            self._runner.probe()
        except DeviceLost:
            raise
        except (ModelFault, DeviceFull):
            return
        except DeviceFault as error:
            raise DeviceLost(f"{fault}; rows that are known to be good fail, too: {error}") from error
