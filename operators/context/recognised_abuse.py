"""Abuse in text that was recognised in sound or pictures: what the models of text say of it, as one label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from operators.segments import strongest
from schemas.evidence import LabelEvidence, Segment

_HARMLESS: Final = "profanity/"
"""Swearing alone is no abuse."""
_SHOWN_FROM: Final = 0.5
"""Weaker evidence adds no times."""


def recognised_abuse(labels: Sequence[LabelEvidence], label: str) -> tuple[LabelEvidence, ...]:
    """Return for each model that found abuse its strongest evidence, with the times of all that it found.

    Args:
        labels: of the models of text; of several texts one after another.
        label: that the evidence gets.
    """
    models = dict.fromkeys(found.model for found in labels)
    of_models = ([found for found in _abuse(labels) if found.model == model] for model in models)
    return tuple(_joined(found, label) for found in of_models if found)


def _joined(found: Sequence[LabelEvidence], label: str) -> LabelEvidence:
    worst = max(found, key=_strength)
    shown = (each for each in found if _strength(each)[0] >= min(_SHOWN_FROM, _strength(worst)[0]))
    segments = strongest(_highest(segment for each in shown for segment in each.segments))
    return msgspec.structs.replace(worst, label=label, segments=segments)


def _highest(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield each time once, with its highest score."""
    best: dict[tuple[float, float], Segment] = {}
    for segment in segments:
        time = (segment.start_seconds, segment.end_seconds)
        if time not in best or best[time].score < segment.score:
            best[time] = segment
    yield from best.values()


def _abuse(labels: Iterable[LabelEvidence]) -> Iterable[LabelEvidence]:
    return (label for label in labels if not label.label.startswith(_HARMLESS))


def _strength(label: LabelEvidence) -> tuple[float, float]:
    """What a second model contradicts is weaker than what it confirms."""
    vote = label.second_vote if isinstance(label.second_vote, float) else 1.0
    return min(label.score, vote), label.score
