"""Evidence of models that find objects in frames, or look at parts of frames: where and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from models.card import Card
from models.model_input import CropInput
from operators.class_names import ClassNames
from operators.found_text import texts_found
from operators.frames.objects import FoundObject
from operators.label_evidence import label_scores, model_name
from operators.media.tracks import SampledFrame
from operators.segments import SEGMENT_FLOOR, TimeSpan, unit_score
from schemas.evidence import LabelEvidence, Region, TextFound
from streams.analysis.agents.frame_answers import NOT_ASKED, FrameAnswer

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
    labels: Iterable[LabelEvidence], cards: Iterable[Card], names: ClassNames, answered: Answered
) -> tuple[LabelEvidence, ...]:
    """Return evidence of frames with the places of the labels whose models know any."""
    places = {
        (model_name(card), label): _strongest(found, MAX_LABEL_REGIONS)
        for card in cards
        for label, found in _label_regions(card, names, answered).items()
    }
    return tuple(_placed(evidence, places.get((evidence.model, evidence.label), ())) for evidence in labels)


def _placed(evidence: LabelEvidence, regions: tuple[Region, ...]) -> LabelEvidence:
    return msgspec.structs.replace(evidence, regions=regions) if regions else evidence


def _label_regions(card: Card, names: ClassNames, answered: Answered) -> Mapping[str, Iterable[Region]]:
    """Return where a model found each of its labels; empty for a model that looks at whole frames alone."""
    if card.boxes is not None:
        objects, classes = list(_objects(card, answered)), _classes(card)
        return {label: [each for each in objects if each.class_name in classes[label]] for label in classes}
    return _part_regions(card, names, answered) if isinstance(card.prepared, CropInput) else {}


def _classes(card: Card) -> dict[str, set[str]]:
    classes: dict[str, set[str]] = {}
    for source in card.labels:
        classes.setdefault(source.label, set()).add(source.output_label)
    return classes


def _part_regions(card: Card, names: ClassNames, answered: Answered) -> Mapping[str, Iterable[Region]]:
    """All parts at once: a video may have thousands, and a model as many classes."""
    parts = [(frame, part) for frame, answers in answered for part in answers.get(card.name, NOT_ASKED).parts]
    if card.scores is None or not card.labels or not parts:
        return {}
    rows = np.stack([part.values[card.scores.index].reshape(-1) for _, part in parts])
    classes = names.of(card)
    best = [classes[column] for column in rows.argmax(axis=1)]
    return {
        label: [
            _region(card, frame, part.found, float(score), name)
            for (frame, part), score, name in zip(parts, scores, best, strict=True)
            if score >= SEGMENT_FLOOR
        ]
        for label, scores in label_scores(card, classes, rows, card.scores.combination).items()
    }


def _objects(card: Card, answered: Answered) -> Iterator[Region]:
    for frame, answers in answered:
        for found in answers.get(card.name, NOT_ASKED).objects:
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
        said = [(answers.get(card.name, NOT_ASKED), span) for (_, answers), span in zip(answered, spans, strict=True)]
        asked = [(answer.values[index], span) for answer, span in said if answer.values]
        return texts_found(card, [steps for steps, _ in asked], [span for _, span in asked])
    parts = [
        (part, span)
        for (_, answers), span in zip(answered, spans, strict=True)
        for part in answers.get(card.name, NOT_ASKED).parts
    ]
    steps = [part.values[index] for part, _ in parts]
    return texts_found(card, steps, [span for _, span in parts], [part.found.box for part, _ in parts])
