"""Any text, made safe to hand to a tokenizer: bounded in length, encodable as UTF-8."""

from __future__ import annotations


def bounded_text(text: str, max_characters: int) -> str:
    """The first `max_characters` of a text; lone surrogates, which no encoder takes, become `?`, NULs blanks.

    The cut comes first, so that a text of megabytes costs no more than a short one. A NUL would end the text for code
    written in C, or hide a word by joining it to the next.
    """
    return text[:max_characters].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
