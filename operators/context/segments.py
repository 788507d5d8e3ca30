"""A text cut into segments of about a sentence, each of which is judged by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LEAST_WORDS = 8
"""A shorter sentence is read together with the next one: its language does not show, and words may be cut by it."""
MAX_CHARACTERS = 1_000
"""A longer sentence is cut at a blank, or in the middle of a word where there is none."""

_SENTENCE = re.compile(r"[^\n.!?…。！？؟।]*(?:[\n.!?…。！？؟।]+\s*|$)")
_PIECE = re.compile(rf".{{1,{MAX_CHARACTERS}}}(?:\s|$)|.{{1,{MAX_CHARACTERS}}}", re.DOTALL)


def segments(text: str) -> tuple[str, ...]:
    """Every character of the text but blanks at the ends of segments, in order."""
    return tuple(_merged(piece for found in _SENTENCE.finditer(text) for piece in _bounded(found[0])))


def _bounded(sentence: str) -> Iterator[str]:
    if len(sentence) <= MAX_CHARACTERS:
        yield sentence
    else:
        yield from (found[0] for found in _PIECE.finditer(sentence))


def _merged(pieces: Iterable[str]) -> Iterator[str]:
    gathered = ""
    for piece in pieces:
        if gathered and len(gathered) + len(piece) > MAX_CHARACTERS:
            yield gathered.strip()
            gathered = ""
        gathered += piece
        words = gathered.split()
        if len(words) >= LEAST_WORDS and len(words[-1]) > 1:  # a single letter may go on
            yield gathered.strip()
            gathered = ""
    if gathered.strip():
        yield gathered.strip()
