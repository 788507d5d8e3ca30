"""What was measured of one model in one mode, on one processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from operators.inference.compute_mode import MODES, REFERENCE_MODE, ComputeMode
from operators.inference.mode_choice import Trial, choose_mode

_BY_WORD = {str(mode): mode for mode in MODES}


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One mode."""

    processor: str
    model: str
    mode: str
    verdict: str
    """`within` the card's tolerance, or why the mode is refused."""
    item_seconds: tuple[float, ...] = ()
    """CPU time of an item in each round; empty for a refused mode."""
    gains: tuple[float, ...] = ()
    """Over that, the time in torch and float32 in the same round."""
    is_chosen: bool = False
    """Whether a worker would run the model so after a measurement."""
    is_unmeasured: bool = False
    """Whether it would without one."""

    def __str__(self) -> str:
        if not self.item_seconds:
            return f"{self.model} {self.mode} refused"
        return f"{self.model} {self.mode} {1000 * median(self.item_seconds):.3g} ms"


def rows_of(
    processor: str,
    model: str,
    usable: Sequence[str],
    unusable: Mapping[str, str],
    unmeasured: str,
    rounds: Sequence[Mapping[str, float]],
) -> tuple[EngineRow, ...]:
    """Return the rows of a model: modes that were timed, then those that were refused.

    Args:
        processor: name of the processor.
        model: name of the model.
        usable: modes within the tolerance; `REFERENCE_MODE` is one of them.
        unusable: the reason by mode.
        unmeasured: the mode without a measurement.
        rounds: CPU seconds of an item by mode.
    """
    chosen = str(_chosen(usable, rounds))
    timed = tuple(
        EngineRow(
            processor,
            model,
            mode,
            "within",
            tuple(each[mode] for each in rounds),
            tuple(each[str(REFERENCE_MODE)] / each[mode] for each in rounds),
            is_chosen=mode == chosen,
            is_unmeasured=mode == unmeasured,
        )
        for mode in usable
    )
    return (*timed, *(EngineRow(processor, model, mode, note) for mode, note in unusable.items()))


def _chosen(usable: Sequence[str], rounds: Sequence[Mapping[str, float]]) -> ComputeMode:
    return choose_mode([Trial(_BY_WORD[mode], median(each[mode] for each in rounds)) for mode in usable])
