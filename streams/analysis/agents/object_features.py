"""Features of the objects that detectors found: how many, of what, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from models.card import Card
from models.model_output import CountedGroup
from operators.frames.object_counts import CountedFrame, counted, largest_count, merged, named_objects, shown_ratio
from operators.label_evidence import model_name
from schemas.evidence import Feature
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.described import features_of
from streams.analysis.agents.seen_frame import SeenFrame

_COUNTING: Final = "object-counts@1"


def object_features(work: AgentWork, cards: Iterable[Card], frames: Sequence[SeenFrame]) -> dict[str, Feature]:
    """Return the features of every detector whose card says what its classes are counted as; where several count the
    same, the one of the highest generation does."""
    features: dict[str, Feature] = {}
    found: list[CountedFrame] = []
    for card, groups in _counting(cards):
        looked_at = _looked_at(card, groups, frames)
        if looked_at:
            features |= features_of(work, model_name(card), _numbers(looked_at, groups))
            found += looked_at
    return {**features, **features_of(work, _COUNTING, _over_time(merged(found)))} if found else {}


def _counting(cards: Iterable[Card]) -> list[tuple[Card, list[CountedGroup]]]:
    """Return the detectors that count, each with what it counts."""
    counting = {card.name: card for card in cards if card.boxes is not None and card.boxes.groups}
    owners: dict[CountedGroup, str] = {}
    for card in sorted(counting.values(), key=lambda card: (card.generation, card.name)):
        assert card.boxes is not None
        owners |= dict.fromkeys(card.boxes.groups, card.name)
    owned = [(card, [group for group, name in owners.items() if name == card.name]) for card in counting.values()]
    return [(card, groups) for card, groups in owned if groups]


def _looked_at(card: Card, groups: Collection[CountedGroup], frames: Sequence[SeenFrame]) -> list[CountedFrame]:
    assert card.boxes is not None
    asked = [(seen.frame.pts_seconds, seen.answer_of(card)) for seen in frames]
    return [counted(seconds, answer.objects, card.boxes, groups) for seconds, answer in asked if answer.values]


def _numbers(frames: Sequence[CountedFrame], groups: Iterable[CountedGroup]) -> dict[str, object]:
    values: dict[str, object] = {}
    for group in groups:
        values[f"visual.max_{group}"] = largest_count(frames, group)
        values[f"visual.{group}_ratio"] = shown_ratio(frames, group)
    return values


def _over_time(frames: Sequence[CountedFrame]) -> dict[str, object]:
    return {
        "visual.looked_at_frames": len(frames),
        "visual.object_counts": [{"pts_seconds": frame.pts_seconds, **frame.groups} for frame in frames],
        "visual.objects": named_objects(frames),
    }
