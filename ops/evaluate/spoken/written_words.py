"""The words of a text as they are compared: without regard to capitals, punctuation and ways of writing."""

from __future__ import annotations

import unicodedata
from typing import Final

_WRITTEN: Final = {"mr": "mister", "mrs": "missus", "dr": "doctor"}
_NUMBERS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_IN_WORDS: Final = {str(number): word for number, word in enumerate(_NUMBERS)}
_APOSTROPHES: Final = str.maketrans("", "", "'’ʼ`")


def words_of(text: str, language: str = "en") -> tuple[str, ...]:
    """Return the words of a text.

    Args:
        text: as it is published, or as it was heard.
        language: ISO 639 code; in English, titles before a name and numbers up to twenty count as their words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    words = "".join(each if _is_of_a_word(each) else " " for each in folded).split()
    known = _WRITTEN | _IN_WORDS if language == "en" else {}
    return tuple(known.get(word, word) for word in words)


def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
