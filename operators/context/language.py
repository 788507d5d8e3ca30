"""The language of title and description, where it can be told."""

from __future__ import annotations

from collections.abc import Callable

from models.language_id import Language

MIN_PROBABILITY = 0.5
MIN_LETTER_BYTES = 12
"""Of the text's letters in UTF-8: two English words, or four Chinese characters. The classifier is sure of any less."""


def text_language(identify: Callable[[str], Language | None], text: str) -> Language | None:
    """The language of a text, or None where the text is too short or the classifier unsure."""
    letters = "".join(character for character in text if character.isalpha())
    if len(letters.encode("utf-8", "replace")) < MIN_LETTER_BYTES:
        return None
    language = identify(text)
    return language if language is not None and language.probability_ratio >= MIN_PROBABILITY else None
