"""The text that the abuse models score: each segment as written, and its other readings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from models.language_id import Language
from operators.context.english import Identify, english_words
from operators.context.folding import folded
from operators.context.lexicon import Lexicon
from operators.context.restoring import Restorer
from operators.context.segments import segments
from operators.context.turning import turned
from schemas.evidence import TextForm, TextPart

_TOKEN = re.compile(r"\w+")
_MAX_STRAY_LETTERS = 2
"""Length of a token that may be left of a word that was taken apart."""


class Passage(NamedTuple):
    """The part of a segment, in one form, that is scored."""

    part: TextPart
    form: TextForm
    text: str


@dataclass(frozen=True, slots=True)
class PartReading:
    """One part of an upload's text."""

    passages: tuple[Passage, ...]
    segments: tuple[str, ...]
    """Of each passage, the segment that it is a reading of."""
    num_letters: int
    num_english_letters: int
    """Letters of words that are English or may be, in either form."""
    num_unrestored_letters: int
    """Of those, letters that are scored only as written, because restoring hidden words would take too long."""


class PassageReader:
    """Reads the parts of one upload's text.

    Args:
        identify: the language classifier.
        lexicon: the English words that the models know.
        around: the language of the whole text, for segments that are too short to identify.
    """

    def __init__(self, identify: Identify, lexicon: Lexicon, around: Language | None) -> None:
        self._identify = identify
        self._lexicon = lexicon
        self._around = around
        self._restore = Restorer(lexicon)

    def read(self, part: TextPart, text: str) -> PartReading:
        """Cut a part into segments and return what is scored of each; equal segments are scored once."""
        passages: list[tuple[Passage, str]] = []
        num_letters = num_english = num_unrestored = 0
        for segment in dict.fromkeys(segments(text)):
            folded_segment = folded(segment)
            restored = self._restore(folded_segment)
            is_scored = restored is None or not has_strays(segment, restored)
            found = tuple(self._forms(part, segment, self._readings(segment, folded_segment, restored), is_scored))
            english = round(_num_letters(segment) * _share(segment, found))
            passages += ((passage, segment) for passage in found if passage.text)
            num_letters += _num_letters(segment)
            num_english += english
            num_unrestored += english if restored is None else 0
        read, sources = tuple(passage for passage, _ in passages), tuple(segment for _, segment in passages)
        return PartReading(read, sources, num_letters, num_english, num_unrestored)

    def _readings(self, segment: str, folded_segment: str, restored: str | None) -> Iterator[str]:
        """Return possible readings of a segment, in both directions."""
        yield folded_segment if restored is None else restored
        for written in dict.fromkeys((segment.lower(), folded_segment)):
            yield from map(folded, turned(written, self._lexicon))

    def _forms(self, part: TextPart, segment: str, readings: Iterable[str], is_scored: bool) -> Iterator[Passage]:
        """Return the written form first, if it is scored; another form only if its words differ."""
        written = self._english(segment)
        yield Passage(part, "as written", written if is_scored else "")
        known = [_tokens(segment), _tokens(written)] if is_scored else []
        for reading in readings:
            if _tokens(reading) in known:
                continue
            plain = self._english(reading)
            if _tokens(plain) not in known:
                known.append(_tokens(plain))
                yield Passage(part, "as it reads", plain)

    def _english(self, text: str) -> str:
        return english_words(text, self._identify, self._lexicon, self._around)


def has_strays(written: str, reading: str) -> bool:
    """Return whether a text has stray letters that its reading has put together, as in `h o w` and `f!rst`.

    The models were not trained on stray letters: most harmless texts whose letters stand apart are abusive to them. The
    reading has all other words of the text, so it alone can be scored.
    """
    together = set(_tokens(reading))
    return any(len(token) <= _MAX_STRAY_LETTERS and token not in together for token in _tokens(written))


def _share(segment: str, found: tuple[Passage, ...]) -> float:
    """Return the share of the segment's letters; restored words may have more letters than the written ones."""
    most = max(_num_letters(passage.text) for passage in found)
    return min(most / max(_num_letters(segment), 1), 1.0)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _num_letters(text: str) -> int:
    return sum(map(str.isalpha, text))
