"""Splits a text into segments of about a sentence, which are scored separately."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LEAST_WORDS = 8
"""A shorter sentence is joined with the next one: its language cannot be identified, and words may be split by it."""
MAX_CHARACTERS = 1_000
"""A longer sentence is split at a blank, or inside a word if there is none."""

_SENTENCE = re.compile(r"[^\n.!?…。！？؟।]*(?:[\n.!?…。！？؟।]+\s*|$)")
_PIECE = re.compile(rf".{{1,{MAX_CHARACTERS}}}(?:\s|$)|.{{1,{MAX_CHARACTERS}}}", re.DOTALL)


def segments(text: str) -> tuple[str, ...]:
    """Return segments that contain every character of the text, except blanks at the ends, in order."""
    return tuple(_merged(piece for found in _SENTENCE.finditer(text) for piece in _bounded(found[0])))


def _bounded(sentence: str) -> Iterator[str]:
    if len(sentence) <= MAX_CHARACTERS:
        yield sentence
    else:
        yield from (found[0] for found in _PIECE.finditer(sentence))


def _merged(pieces: Iterable[str]) -> Iterator[str]:
    gathered = _Gathered()
    for piece in pieces:
        if gathered.num_characters and gathered.num_characters + len(piece) > MAX_CHARACTERS:
            yield gathered.text
            gathered = _Gathered()
        gathered.add(piece)
        if gathered.num_words >= LEAST_WORDS and gathered.last_word_characters > 1:  # a single letter may continue
            yield gathered.text
            gathered = _Gathered()
    if gathered.text:
        yield gathered.text


class _Gathered:
    """Pieces of one segment; each is processed once, so short pieces cost little."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.num_characters = 0
        self.num_words = 0
        self.last_word_characters = 0
        self._is_word_open = False
        """Whether the next piece continues the last word."""

    @property
    def text(self) -> str:
        """The text without blanks at the ends."""
        return "".join(self._pieces).strip()

    def add(self, piece: str) -> None:
        words = piece.split()
        self._pieces.append(piece)
        self.num_characters += len(piece)
        if not words:
            self._is_word_open = False
            return
        goes_on = self._is_word_open and not piece[0].isspace()
        self.num_words += len(words) - goes_on
        is_same = goes_on and len(words) == 1
        self.last_word_characters = len(words[-1]) + (self.last_word_characters if is_same else 0)
        self._is_word_open = not piece[-1].isspace()
