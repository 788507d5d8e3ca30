"""Makes any text safe for a tokenizer: limited in length, encodable as UTF-8."""

from __future__ import annotations


def bounded_text(text: str, max_characters: int) -> str:
    """Return the first `max_characters` of a text; lone surrogates, which cannot be encoded, become `?`, NULs blanks.

    The cut comes first, so that a text of megabytes costs no more than a short one. A NUL would end the text for C
    code, or hide a word by joining it to the next.
    """
    return text[:max_characters].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
