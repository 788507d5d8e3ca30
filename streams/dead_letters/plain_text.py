"""Makes untrusted text safe to print and store: short, and without characters that control a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

_CUT: Final = "..."
_LINES: Final = frozenset({"Zl", "Zp"})


def plain_text(text: str, most_bytes: int) -> str:
    """Return the text with line ends, control and format characters written as escapes.

    Args:
        text: of any length; it may contain lone surrogates.
        most_bytes: maximum size of the result in UTF-8; longer text is cut and ends in dots.
    """
    escaped = "".join(_shown(character) for character in text[:most_bytes])
    encoded = escaped.encode()
    if len(encoded) <= most_bytes and len(text) <= most_bytes:
        return escaped
    return encoded[: most_bytes - len(_CUT)].decode(errors="ignore") + _CUT


def steering_nothing(text: str) -> str:
    """Return text of any length, escaped in the same way, with line ends and tabs kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in "\n\t" else _shown(character) for character in text)


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if not category.startswith("C") and category not in _LINES:
        return character
    return character.encode("ascii", "backslashreplace").decode() if character > "\x7f" else f"\\x{ord(character):02x}"
