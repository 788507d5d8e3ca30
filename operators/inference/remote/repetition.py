"""Recognises a language model that repeats itself without end, while its answer arrives."""

from __future__ import annotations

from typing import Final

LONGEST_UNIT: Final = 120
"""Characters of what is repeated."""
LEAST_REPEATS: Final = 3
LEAST_CHARACTERS: Final = 60
"""That the repeats have together: laughter, dots and lists of equal numbers are shorter."""


def repeated_unit(text: str) -> int | None:
    """Return the length of what the end of a text repeats; None if it does not.

    It counts characters and not words, so it finds loops in scripts without spaces, and of line breaks as well.
    """
    for unit in range(1, min(LONGEST_UNIT, len(text) // LEAST_REPEATS) + 1):
        length = max(LEAST_CHARACTERS, LEAST_REPEATS * unit)
        if length <= len(text) and text[-length + unit :] == text[-length:-unit]:
            return unit
    return None


def without_repeats(text: str, unit: int) -> str:
    """Return the text up to the end of the first of the repeated units."""
    while len(text) >= 2 * unit and text[-unit:] == text[-2 * unit : -unit]:
        text = text[:-unit]
    return text
