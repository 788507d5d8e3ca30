"""Evidence of models that find objects in frames, or look at parts of frames: where and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from models.card import Card, CropInput
from operators.class_names import ClassNames
from operators.found_text import texts_found
from operators.frames.objects import FoundObject
from operators.label_evidence import label_scores, model_name
from operators.media.tracks import SampledFrame
from operators.segments import SEGMENT_FLOOR, TimeSpan, unit_score
from schemas.evidence import LabelEvidence, Region, TextFound
from streams.analysis.agents.frame_answers import FrameAnswer

MAX_REGIONS = 50
"""Of one model and video, those with the highest scores."""
MAX_LABEL_REGIONS = 5
"""Of the evidence of one label."""

Answered = Sequence[tuple[SampledFrame, Mapping[str, FrameAnswer]]]
"""Sampled frames with the answers of all models."""


def regions_of(cards: Iterable[Card], answered: Answered) -> tuple[Region, ...]:
    """Return the objects of every detector."""
    return tuple(
        region
        for card in cards
        if card.boxes is not None
        for region in _strongest(_objects(card, answered), MAX_REGIONS)
    )


def frame_texts(cards: Iterable[Card], answered: Answered, spans: Sequence[TimeSpan]) -> tuple[TextFound, ...]:
    """Return the texts of every model that reads frames or parts of them."""
    return tuple(text for card in cards if card.text is not None for text in _texts(card, answered, spans))


def with_regions(
    evidence: LabelEvidence, cards: Mapping[str, Card], names: ClassNames, answered: Answered
) -> LabelEvidence:
    """Return evidence with the places of its label, if its model knows any."""
    card = cards.get(evidence.model)
    if card is None:
        return evidence
    found = _strongest(_label_regions(card, evidence.label, names, answered), MAX_LABEL_REGIONS)
    return msgspec.structs.replace(evidence, regions=found) if found else evidence


def placing_cards(cards: Iterable[Card]) -> dict[str, Card]:
    """Return the cards whose labels have places, by their names in evidence."""
    return {model_name(card): card for card in cards if card.boxes is not None or isinstance(card.prepared, CropInput)}


def _label_regions(card: Card, label: str, names: ClassNames, answered: Answered) -> Iterator[Region]:
    if card.boxes is not None:
        classes = {source.output_label for source in card.labels if source.label == label}
        yield from (region for region in _objects(card, answered) if region.class_name in classes)
        return
    assert card.scores is not None
    for frame, answers in answered:
        for part in answers[card.name].parts:
            row = part.values[card.scores.index].reshape(1, -1)
            score = float(label_scores(card, names.of(card), row, card.scores.combination)[label][0])
            if score >= SEGMENT_FLOOR:
                yield _region(card, frame, part.found, score, names.of(card)[int(np.argmax(row))])


def _objects(card: Card, answered: Answered) -> Iterator[Region]:
    for frame, answers in answered:
        for found in answers[card.name].objects:
            yield _region(card, frame, found, found.score, found.class_name)


def _region(card: Card, frame: SampledFrame, found: FoundObject, score: float, class_name: str) -> Region:
    return Region(
        model=model_name(card),
        class_name=class_name,
        score=round(unit_score(score), 6),
        at_seconds=frame.pts_seconds,
        box=found.box,
    )


def _strongest(regions: Iterable[Region], limit: int) -> tuple[Region, ...]:
    return tuple(sorted(regions, key=lambda region: (-region.score, region.at_seconds))[:limit])


def _texts(card: Card, answered: Answered, spans: Sequence[TimeSpan]) -> tuple[TextFound, ...]:
    assert card.text is not None
    index = card.text.index
    if not isinstance(card.prepared, CropInput):
        return texts_found(card, [answers[card.name].values[index] for _, answers in answered], spans)
    parts = [
        (part, span) for (_, answers), span in zip(answered, spans, strict=True) for part in answers[card.name].parts
    ]
    steps = [part.values[index] for part, _ in parts]
    return texts_found(card, steps, [span for _, span in parts], [part.found.box for part, _ in parts])
