"""Text from strangers, made fit to be shown and kept: nothing in it steers a terminal, and it is short."""

from __future__ import annotations

import unicodedata
from typing import Final

_CUT: Final = "..."
_LINES: Final = frozenset({"Zl", "Zp"})


def plain_text(text: str, most_bytes: int) -> str:
    """The text without line ends, control and format characters, which are written as escapes.

    Args:
        text: of any length; it may hold lone surrogates.
        most_bytes: of the result in UTF-8; what is longer is cut and ends in dots.
    """
    escaped = "".join(_shown(character) for character in text[:most_bytes])
    encoded = escaped.encode()
    if len(encoded) <= most_bytes and len(text) <= most_bytes:
        return escaped
    return encoded[: most_bytes - len(_CUT)].decode(errors="ignore") + _CUT


def steering_nothing(text: str) -> str:
    """Lines of any length: the same, line ends and tabs kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in "\n\t" else _shown(character) for character in text)


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if not category.startswith("C") and category not in _LINES:
        return character
    return character.encode("ascii", "backslashreplace").decode() if character > "\x7f" else f"\\x{ord(character):02x}"
