"""Language of title and description, if it can be identified."""

from __future__ import annotations

import re
from collections.abc import Callable

from models.language_id import Language
from operators.context.scripts import language_by_script

MIN_PROBABILITY = 0.5
MIN_LETTER_BYTES = 12
"""Minimum size of the text's letters in UTF-8: two English words, or four Chinese characters. The classifier gives high
scores to any shorter text."""

_NO_LANGUAGE = re.compile(
    r"\b[a-z]{2,12}://\S+|\bwww\.\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.\w[\w.-]*|(?<![\w&/])[#＃@]\w+", re.IGNORECASE
)
"""Addresses, hashtags and mentions, which are the same in all languages. Each repetition before a fixed character is
limited, so that the time is proportional to the length of the text."""


def text_language(identify: Callable[[str], Language | None], text: str) -> Language | None:
    """Return the language of a text, or None if the text is too short or the classifier uncertain.

    A script of a single language determines it, with a probability of 1. The classifier was trained on sentences in
    ordinary spelling and takes capitals for another language, so it gets lower-case text.
    """
    words = _NO_LANGUAGE.sub(" ", text)
    by_script = language_by_script(words)
    if by_script is not None:
        return Language(by_script, 1.0)
    letters = "".join(character for character in words if character.isalpha())
    if len(letters.encode("utf-8", "replace")) < MIN_LETTER_BYTES:
        return None
    language = identify(words.lower())
    return language if language is not None and language.probability_ratio >= MIN_PROBABILITY else None
