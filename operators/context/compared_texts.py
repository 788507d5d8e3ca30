"""The texts of an upload that are compared with the prototypes: passages, their sentences, and the pieces of long ones.

Among many harmless words a few bad ones weigh little, so a passage is compared as a whole and in pieces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from operators.context.folding import folded
from operators.context.passages import Passage

MAX_COMPARED = 32
"""Maximum number of items of an upload, about a third of a second of one core. Above it, the title and the passages
with the highest linear scores are compared; the others are scored by the other models alone."""
_PIECE_WORDS = 12
_STEP_WORDS = 8
"""Pieces overlap by four words, so that no short insult is always cut."""
_LONG_WORDS = 16
"""A sentence with more words has pieces."""
_LEAST_WORDS = 3
"""Fewer words between two full stops are no sentence."""
_SENTENCE_END = re.compile(r"[.!?…;]+\s+")


@dataclass(frozen=True, slots=True)
class ComparedText:
    """One item for the sentence embedding."""

    passage: Passage
    item: np.ndarray
    """(L,) int64."""


def compared_texts(
    passages: Sequence[Passage], scores: Sequence[float], encode: Callable[[str], np.ndarray]
) -> tuple[ComparedText, ...]:
    """Return the items of an upload; a passage has all of its items among them, or none.

    A passage of punctuation has none: it says nothing, but the embedding of a lone question mark is near to insults.

    Args:
        passages: in the order of the text.
        scores: the linear model's score of each.
        encode: text to item, see `models.sentence_embedding.SentenceTokens.encode`.
    """
    order = sorted(zip(passages, scores, strict=True), key=lambda each: (each[0].part != "title", -each[1]))
    found: list[ComparedText] = []
    for passage, _ in order:
        texts = () if _is_punctuation(passage.text) else tuple(_texts(passage.text))
        if len(found) + len(texts) <= MAX_COMPARED:
            found += (ComparedText(passage, encode(text)) for text in texts)
    return tuple(found)


def _is_punctuation(text: str) -> bool:
    return all(unicodedata.category(character)[0] in "PZ" for character in text)


def _texts(text: str) -> Iterator[str]:
    """Yield the plain text, then its sentences if there are several, and the pieces of long ones."""
    plain = folded(text)
    sentences = [found for found in _SENTENCE_END.split(plain) if len(found.split()) >= _LEAST_WORDS]
    found = dict.fromkeys((plain, *sentences))
    yield from found
    yield from dict.fromkeys(piece for each in (sentences or [plain]) for piece in _pieces(each) if piece not in found)


def _pieces(sentence: str) -> Iterator[str]:
    words = sentence.split()
    if len(words) > _LONG_WORDS:
        for start in range(0, len(words) - (_PIECE_WORDS - _STEP_WORDS), _STEP_WORDS):
            yield " ".join(words[start : start + _PIECE_WORDS])
