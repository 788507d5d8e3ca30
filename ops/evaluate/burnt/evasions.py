"""Ways in which words are written so that filters do not find them, and people still read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

_DIGITS: Final = str.maketrans("oieas", "01345")
_LOOK_ALIKES: Final = str.maketrans("aeopcyx", "аеорсух")
"""Cyrillic letters, which are drawn like the Latin ones."""


def _spaced(text: str) -> str:
    """Put a blank between the letters of each longer word, and a wider gap between words."""
    return "   ".join(" ".join(word) if len(word) > 3 else word for word in text.split())


EVASIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "as written": str,
    "digits for letters": lambda text: text.translate(_DIGITS),
    "look-alikes": lambda text: text.translate(_LOOK_ALIKES),
    "spaced letters": _spaced,
    "capitals": str.upper,
}
