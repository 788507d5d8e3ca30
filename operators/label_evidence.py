"""From a model's scores over time to evidence for the labels that its card names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import UNSET

from models.card import Card
from models.model_output import Combination
from operators.segments import SEGMENT_FLOOR, TimeSpan, runs_above, strongest, unit_score
from schemas.evidence import UNMEASURED, LabelEvidence


def label_columns(card: Card, outputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return, per label of the card, the columns of its outputs.

    Args:
        card: the model's.
        outputs: its output labels, in their order.

    Raises:
        ValueError: the card names an output label that the model does not have.
    """
    columns: dict[str, tuple[int, ...]] = {}
    for source in card.labels:
        found = tuple(column for column, name in enumerate(outputs) if name == source.output_label)
        if not found:
            raise ValueError(f"card {card.name!r} maps {source.output_label!r}, which is no output of its model")
        columns[source.label] = columns.get(source.label, ()) + found
    return columns


def timed_evidence(
    card: Card, outputs: Sequence[str], scores: np.ndarray, spans: Sequence[TimeSpan], combination: Combination
) -> tuple[LabelEvidence, ...]:
    """Return evidence for every label of the card: its peak, and the segments above the floor.

    A label without a segment is evidence, too: it was searched for and scored this low.

    Args:
        card: the model's.
        outputs: K output labels.
        scores: (N, K) float32 in [0, 1]; N is at least 1.
        spans: N of them, by start.
        combination: of scores that mean one label.
    """
    by_label = label_scores(card, outputs, scores, combination)
    return tuple(evidence_of(card, label, found, spans) for label, found in by_label.items())


def label_scores(
    card: Card, outputs: Sequence[str], scores: np.ndarray, combination: Combination
) -> dict[str, np.ndarray]:
    """(N,) scores of every label of the card, calibrated where the card says how; arguments as above."""
    calibrations = {source.label: source.calibration for source in card.labels}
    return {
        label: _calibrated(_combined(scores[:, list(columns)], combination), calibrations[label])
        for label, columns in label_columns(card, outputs).items()
    }


def evidence_of(card: Card, label: str, scores: np.ndarray, spans: Sequence[TimeSpan]) -> LabelEvidence:
    """Return evidence for one label, of its (N,) scores; scores below the floor everywhere are evidence, too."""
    return LabelEvidence(
        label=label,
        score=unit_score(scores.max()),
        model=model_name(card),
        segments=strongest(runs_above(spans, scores, SEGMENT_FLOOR)),
        uncalibrated=True if card.is_uncalibrated(label) else UNSET,
        held_back=UNSET if card.is_measured(label) else UNMEASURED,
    )


def untimed_evidence(
    card: Card, outputs: Sequence[str], scores: np.ndarray, combination: Combination = "max"
) -> tuple[LabelEvidence, ...]:
    """Return evidence without time, for a text: the peak over its N parts, (N, K) float32 in [0, 1]."""
    return tuple(
        LabelEvidence(
            label=label,
            score=unit_score(found.max()),
            model=model_name(card),
            held_back=UNSET if card.is_measured(label) else UNMEASURED,
        )
        for label, found in label_scores(card, outputs, scores, combination).items()
    )


def model_name(card: Card) -> str:
    """Return the model's name in evidence, features and embeddings."""
    return f"{card.name}@{card.version}"


def _calibrated(scores: np.ndarray, points: Sequence[tuple[float, float]]) -> np.ndarray:
    if not points:
        return scores
    said, stated = zip(*points, strict=True)
    return np.asarray(np.interp(scores, said, stated), dtype=np.float32)


def _combined(scores: np.ndarray, combination: Combination) -> np.ndarray:
    return np.asarray(scores.sum(axis=1) if combination == "sum" else scores.max(axis=1))
