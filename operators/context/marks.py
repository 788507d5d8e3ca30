"""Limits runs of combining marks to a length that only hidden or hostile text exceeds.

Sorting marks into Unicode's canonical order takes quadratic time in the length of a run, so one letter with a million
of them would block everything. Source of the limit: Unicode Standard Annex 15, "Stream-Safe Text Format".
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_MARKS: Final = 30
"""Maximum number in a row; the longest known orthographies use four."""


def with_few_marks(text: str) -> str:
    """Return the text without combining marks that follow `MAX_MARKS` others."""
    if text.isascii():
        return text
    kept: list[str] = []
    num_marks = 0
    for character in text:
        num_marks = num_marks + 1 if unicodedata.combining(character) else 0
        if num_marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)
