"""Scores of labelled files: each is analysed as by a worker, and a label's evidence is its score."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.card import Card
from operators.label_evidence import model_name
from ops.calibration.examples import CannotFit, Example
from ops.local_analysis_session import open_local_analysis
from ops.source_argument import make_upload
from schemas.facts import Signal
from streams.config.settings import Settings


async def scored(
    card: Card, examples: Sequence[Example], settings: Settings, on_done: Callable[[], None]
) -> list[Example]:
    """Return the examples with scores in place of files; each file is analysed once, with all models.

    Args:
        card: of an added model that hears or sees, without a calibration.
        examples: with files.
        settings: of the process; the files are below its media roots.
        on_done: called after each file.

    Raises:
        CannotFit: the model has calibrated labels or reads texts, or a file cannot be analysed.
    """
    if card.modality == "context":
        raise CannotFit(f"{card.name} reads texts; give a file with the column score")
    if any(source.calibration for source in card.labels):
        raise CannotFit(f"{card.name} is calibrated; remove calibration from its card, so that its own scores are seen")
    files = sorted({example.file for example in examples if example.file is not None})
    async with open_local_analysis(settings) as (analysis, _device):

        async def signals_of(file: Path) -> tuple[Path, list[Signal]]:
            signals = await analysis.signals_of(make_upload(str(file), {}))
            on_done()
            return file, signals

        found = dict(await asyncio.gather(*(signals_of(file) for file in files)))
    scores = {file: _scores(card, file, signals) for file, signals in found.items()}
    return [_with_score(example, scores) for example in examples]


def _scores(card: Card, file: Path, signals: Sequence[Signal]) -> dict[str, float]:
    signal = next(signal for signal in signals if signal.modality == card.modality)
    if signal.status != "ok":
        raise CannotFit(f"{file} cannot be analysed: {signal.failure.message if signal.failure else signal.status}")
    return {label.label: label.score for label in signal.labels if label.model == model_name(card)}


def _with_score(example: Example, scores: Mapping[Path, Mapping[str, float]]) -> Example:
    assert example.file is not None
    found = scores[example.file].get(example.label)
    if found is None:
        raise CannotFit(f"{example.file} has no {example.label} by this model: it lacks pictures or sound")
    return replace(example, score=found)
