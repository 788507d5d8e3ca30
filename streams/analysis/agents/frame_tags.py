"""The tags of a video, from every model whose card says from which score on its classes are tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from models.card import Card
from operators.frames.tags import Tag, best_tags, tags_from
from schemas.evidence import Feature
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.described import features_of
from streams.analysis.agents.frame_answers import score_row
from streams.analysis.agents.seen_frame import SeenFrame

_TAGS: Final = "tags@3"


def frame_tags(work: AgentWork, cards: Iterable[Card], frames: Sequence[SeenFrame]) -> dict[str, Feature]:
    """Return the tags as a feature; an empty list where no model is sure, nothing without such a model."""
    given = [tags for card in cards for tags in _of_card(work, card, frames)]
    return features_of(work, _TAGS, {"visual.tags": best_tags(given)}) if given else {}


def _of_card(work: AgentWork, card: Card, frames: Sequence[SeenFrame]) -> list[list[Tag]]:
    names = work.class_names.of(card) if card.scores is not None or card.boxes is not None else ()
    asked = [seen.answer_of(card) for seen in frames if seen.answer_of(card).values]
    if not asked:
        return []
    rows = np.stack([score_row(card, names, answer) for answer in asked])
    if card.boxes is not None:
        return [tags_from(rows, names, card.boxes.tags_from)] if card.boxes.tags_from is not None else []
    found = []
    if card.scores is not None and card.scores.tags_from is not None:
        found.append(tags_from(rows, names, card.scores.tags_from))
    groups = work.class_names.groups_of(card)
    if groups and card.scores is not None and card.scores.group_tags_from is not None:
        found.append(tags_from(rows, groups, card.scores.group_tags_from))
    return found
