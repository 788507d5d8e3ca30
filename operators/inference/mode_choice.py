"""Chooses how a model computes from trials. Plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operators.inference.compute_mode import MODES, ComputeMode

MIN_ADVANTAGE: Final = 1.15
"""How many times faster a mode must be than one that is preferred to it. Ratios of two runs on a shared machine differ
by less, and every change of mode changes the fingerprints of signals."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of one mode for one model."""

    mode: ComputeMode
    item_seconds: float | None
    """CPU seconds of an item; None if the mode cannot be used."""
    note: str = ""
    """Why it cannot be used."""
    is_passing: bool = False
    """Whether the machine was at fault, such as by a lack of memory: another try may succeed."""

    def __str__(self) -> str:
        return f"{self.mode} {self.note if self.item_seconds is None else f'{1000 * self.item_seconds:.3g} ms an item'}"


def choose_mode(trials: Sequence[Trial], stored: ComputeMode | None = None) -> ComputeMode:
    """Return the first mode that no other one beats by `MIN_ADVANTAGE`: the stored one, then in the order of `MODES`.

    Args:
        trials: one per mode.
        stored: what was chosen before.

    Raises:
        ValueError: no mode can be used.
    """
    seconds = {trial.mode: trial.item_seconds for trial in trials if trial.item_seconds is not None}
    if not seconds:
        raise ValueError(f"no mode can be used: {'; '.join(map(str, trials))}")
    least = min(seconds.values())
    preferred = [mode for mode in (stored, *MODES) if mode is not None and mode in seconds]
    return next(mode for mode in preferred if seconds[mode] < MIN_ADVANTAGE * least or seconds[mode] == least)
