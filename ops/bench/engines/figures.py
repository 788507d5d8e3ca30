"""What the rows say of a whole video: the CPU time of its models, and what the chosen modes gain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from operators.inference.compute_mode import REFERENCE_MODE
from ops.bench.engines.engine_rows import EngineRow
from ops.bench.engines.processors import Processor
from ops.bench.report import Bound, Figure, summarise


def mix_figures(processor: Processor, rows: Iterable[EngineRow], items: Mapping[str, float]) -> list[Figure]:
    """Return the figures of one processor.

    Args:
        processor: whose rows count.
        rows: of all models.
        items: of a video, by model; models without any are left out.
    """
    own = [row for row in rows if row.processor == processor.name and row.item_seconds]
    full = _video_seconds(own, items, lambda row: row.mode == str(REFERENCE_MODE))
    usual = _video_seconds(own, items, lambda row: row.is_unmeasured)
    chosen = _video_seconds(own, items, lambda row: row.is_chosen)
    bound = None if processor.least_gain is None else Bound("at least", processor.least_gain)
    name = f"{processor.name}, models of a video"
    return [
        summarise(f"{name}, torch-float32", [1000 * each for each in full], "CPU ms"),
        summarise(f"{name}, without a measurement", [1000 * each for each in usual], "CPU ms"),
        summarise(f"{name}, chosen modes", [1000 * each for each in chosen], "CPU ms"),
        summarise(f"{name}, torch-float32 over chosen modes", _ratios(full, chosen), "ratio", bound),
        summarise(f"{name}, without a measurement over chosen modes", _ratios(usual, chosen), "ratio"),
    ]


def _video_seconds(
    rows: Sequence[EngineRow], items: Mapping[str, float], is_meant: Callable[[EngineRow], bool]
) -> list[float]:
    """Return the CPU time of a video's models in each round."""
    meant = [row for row in rows if is_meant(row)]
    rounds = zip(*(row.item_seconds for row in meant), strict=True)
    return [
        sum(items.get(row.model, 0.0) * seconds for row, seconds in zip(meant, each, strict=True)) for each in rounds
    ]


def _ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(first, second, strict=True)]
