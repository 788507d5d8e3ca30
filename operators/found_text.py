"""Texts that models with a CTC head read or hear, as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from msgspec import UNSET

from models.card import Card
from models.ctc_text import read_vocabulary
from operators.label_evidence import model_name
from operators.segments import TimeSpan, unit_score
from schemas.evidence import FrameBox, TextFound

MAX_TEXTS = 200
"""Of one model and video, the first."""
MAX_CHARACTERS = 20_000
"""Of all texts of one model and video; what follows is left out."""
_DECIMALS = 6


def texts_found(
    card: Card, steps: Sequence[np.ndarray], spans: Sequence[TimeSpan], boxes: Sequence[FrameBox] | None = None
) -> tuple[TextFound, ...]:
    """Return the texts of N items that are not empty; none if the card has no output of text.

    Args:
        card: of an added model.
        steps: N arrays (T, 2), best token of each step and its probability.
        spans: the time of each item, ascending.
        boxes: where in the frame each item is, if it is a part of it.
    """
    if card.text is None or card.model is None:
        return ()
    vocabulary = read_vocabulary(card.model, card.text)
    read = [(*vocabulary.read(item), span, place) for place, (item, span) in enumerate(zip(steps, spans, strict=True))]
    found = tuple(
        TextFound(
            model=model_name(card),
            text=text[:MAX_CHARACTERS],
            score=round(unit_score(score), _DECIMALS),
            start_seconds=span.start_seconds,
            end_seconds=span.end_seconds,
            box=UNSET if boxes is None else boxes[place],
        )
        for text, score, span, place in read
        if text
    )
    ends = accumulate(len(each.text) for each in found)
    return tuple(each for each, end in zip(found, ends, strict=True) if end <= MAX_CHARACTERS)[:MAX_TEXTS]
