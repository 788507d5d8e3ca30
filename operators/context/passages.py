"""What the models of abuse are given of a text: as it is written, and as it reads where that is another text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from models.language_id import Language
from operators.context.english import Identify, english_words
from operators.context.folding import folded
from operators.context.lexicon import Lexicon
from operators.context.restoring import restored
from operators.context.segments import segments
from schemas.evidence import TextForm, TextPart

_TOKEN = re.compile(r"\w+")


class Passage(NamedTuple):
    """A segment in one form, as far as it is to be judged."""

    part: TextPart
    form: TextForm
    text: str


@dataclass(frozen=True, slots=True)
class PartReading:
    """One part of an upload's text."""

    passages: tuple[Passage, ...]
    num_letters: int
    num_english_letters: int
    """Of those letters, those of words that are English or may be, in either form."""


def read_part(part: TextPart, text: str, identify: Identify, lexicon: Lexicon, around: Language | None) -> PartReading:
    """Cut a part into segments and find what of each is to be judged."""
    passages: list[Passage] = []
    num_letters = num_english = 0
    for segment in dict.fromkeys(segments(text)):  # what is said twice is judged once
        found = tuple(_passages(part, segment, identify, lexicon, around))
        letters = _num_letters(segment)
        passages += (passage for passage in found if passage.text)
        num_letters += letters
        num_english += round(letters * max(_share(segment, found), 0.0))
    return PartReading(tuple(passages), num_letters, num_english)


def _passages(
    part: TextPart, segment: str, identify: Identify, lexicon: Lexicon, around: Language | None
) -> Iterator[Passage]:
    """As written first; the other form only where its words differ."""
    written = english_words(segment, identify, lexicon, around)
    yield Passage(part, "as written", written)
    reads = restored(folded(segment), lexicon)
    if _tokens(reads) != _tokens(segment):
        plain = english_words(reads, identify, lexicon, around)
        if _tokens(plain) != _tokens(written):
            yield Passage(part, "as it reads", plain)


def _share(segment: str, found: tuple[Passage, ...]) -> float:
    """Of the segment's letters; restored words may have more letters than what they were made of."""
    most = max(_num_letters(passage.text) for passage in found)
    return min(most / max(_num_letters(segment), 1), 1.0)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _num_letters(text: str) -> int:
    return sum(map(str.isalpha, text))
