"""Runs of combining marks, cut to a length that nothing but hidden or hostile text exceeds.

Putting marks into Unicode's order takes time with the square of their number in a row, so one letter with a million of
them would hold up everything. Source of the limit: Unicode Standard Annex 15, "Stream-Safe Text Format".
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_MARKS: Final = 30
"""In a row; the longest known orthographies use four."""


def with_few_marks(text: str) -> str:
    """The text without the combining marks that stand behind `MAX_MARKS` others."""
    if text.isascii():
        return text
    kept: list[str] = []
    num_marks = 0
    for character in text:
        num_marks = num_marks + 1 if unicodedata.combining(character) else 0
        if num_marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)
