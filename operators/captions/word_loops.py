"""Repetitions in a text that a language model wrote: it falls into loops, of words as of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operators.inference.remote.repetition import repeated_unit, without_repeats

LEAST_REPEATS: Final = 3
"""In a row."""
LEAST_WORDS: Final = 6
"""That the repeats have together: "no, no, no" is said by people, too."""
LONGEST_UNIT_WORDS: Final = 32


def without_loops(text: str) -> str:
    """Return the text up to the end of the first of what is repeated; the same text if nothing is.

    Words are compared without case and punctuation; scripts without spaces are compared by characters.
    """
    words = text.split()
    plain = ["".join(filter(str.isalnum, word)).casefold() for word in words]
    for end in range(1, len(words) + 1):
        kept = _kept_before(plain, end)
        if kept:
            return _without_character_loops(" ".join(words[:kept]))
    return _without_character_loops(text)


def _kept_before(words: Sequence[str], end: int) -> int:
    """Return the number of words up to the first repetition of what is repeated before `end`; 0 if nothing is."""
    for length in range(1, min(LONGEST_UNIT_WORDS, end // LEAST_REPEATS) + 1):
        first = end - length * max(LEAST_REPEATS, -(-LEAST_WORDS // length))
        if first >= 0 and words[first + length : end] == words[first : end - length]:
            return first + length
    return 0


def _without_character_loops(text: str) -> str:
    for end in range(1, len(text) + 1):
        unit = repeated_unit(text[:end])
        if unit is not None:
            return without_repeats(text[:end], unit).rstrip()
    return text
