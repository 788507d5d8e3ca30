"""Whether a written text quotes what a video says or shows at length: that is kept by a setting of its own, or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LONGEST_LETTERS: Final = 30
"""Letters and digits in a row, about six words, that may stand in both; names and sayings are shorter."""
LONGEST_IDEOGRAPHS: Final = 12
"""The same of characters that are words or syllables of their own."""
_FIRST_IDEOGRAPH: Final = "\u2e80"


def quotes(written: str, texts: Iterable[str]) -> bool:
    """Return whether a text repeats more of some others, word for word, than a mention needs.

    Case, blanks and punctuation do not matter.
    """
    letters = _letters(written)
    known = _letters(" ".join(texts))
    return any(piece in known for piece in _pieces(letters))


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _pieces(letters: str) -> Iterable[str]:
    """Yield each shortest piece that is a quotation if the other text has it."""
    for start in range(len(letters)):
        length = LONGEST_IDEOGRAPHS if letters[start] >= _FIRST_IDEOGRAPH else LONGEST_LETTERS
        piece = letters[start : start + length + 1]
        if len(piece) > length:
            yield piece
