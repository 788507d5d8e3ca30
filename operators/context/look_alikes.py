"""Maps confusable characters, styled letters and emoji letters to the Latin letter that they show.

Sources: Unicode Technical Standard 39, confusables.txt, as the package `confusable-homoglyphs` ships it; names of the
Unicode Character Database.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache, lru_cache
from importlib import resources

_STYLED = re.compile(
    r"^(?:NEGATIVE )?(?:LATIN|CIRCLED LATIN|SQUARED LATIN|PARENTHESIZED LATIN|REGIONAL INDICATOR SYMBOL|TAG LATIN"
    r"|COMBINING LATIN|MODIFIER LETTER|CROSSED NEGATIVE SQUARED LATIN)"
    r" (?:(?:SMALL|CAPITAL|LETTER|SUBSCRIPT|TURNED|REVERSED|INVERTED|SIDEWAYS|BARRED|STROKE|OPEN|LONG) )+"
    r"(?P<letter>[A-Z])(?: WITH .+)?$"
)
"""Patterns of names such as `LATIN SMALL LETTER TURNED A`, `REGIONAL INDICATOR SYMBOL LETTER F`, `NEGATIVE SQUARED
LATIN CAPITAL LETTER B`, `LATIN LETTER SMALL CAPITAL K`, `LATIN SMALL LETTER O WITH STROKE`."""
_SHOWN = {
    "⭕": "o", "⛎": "u", "💲": "s", "❌": "x", "❎": "x", "✖": "x", "✝": "t", "✚": "t", "➕": "t", "❗": "i",
    "🌕": "o", "⚪": "o", "⚫": "o", "🔴": "o", "🔵": "o", "🅾": "o", "©": "c", "®": "r", "∀": "a", "Ǝ": "e", "Ɛ": "e",
    "Ƽ": "s", "ƽ": "s",
}  # fmt: skip
"""Emoji and Latin letters that look like another letter, although Unicode does not list them as confusable."""
_DOTLESS = {"ı": "i", "ȷ": "j", "ſ": "s", "ß": "ss", "æ": "ae", "œ": "oe"}


@lru_cache(maxsize=65_536)
def latin_letters(character: str) -> str:
    """Return the ASCII letters in lower case that a character is read as; an empty text if there are none.

    Args:
        character: one code point, after NFKC.
    """
    if character.isascii():
        return character.lower() if character.isalpha() else ""
    return (
        _DOTLESS.get(character)
        or _confusable(character)
        or _styled(character)
        or _SHOWN.get(character)
        or _digit(character)
    )


def _digit(character: str) -> str:
    """Return the digit of another script as the letter that people write it for, in words with Latin letters."""
    number = unicodedata.decimal(character, None)
    return "" if number is None else str(number)


def _confusable(character: str) -> str:
    """Return the confusable letter. UTS 39 compares exact shapes; in practice a letter also stands for its capital's
    shape."""
    table = confusable_letters()
    return table.get(character) or table.get(character.upper()) or ""


def _styled(character: str) -> str:
    found = _STYLED.match(unicodedata.name(character, ""))
    return found["letter"].lower() if found else ""


@cache
def confusable_letters() -> dict[str, str]:
    """Return the ASCII letter in lower case for each single character that UTS 39 calls confusable with one."""
    stored = resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text(encoding="utf-8")
    letters: dict[str, str] = {}
    for character, alike in json.loads(stored).items():
        latin = [each["c"] for each in alike if each["c"].isascii() and each["c"].isalpha() and len(each["c"]) == 1]
        if latin and len(character) == 1 and not character.isascii():
            letters[character] = latin[0].lower()
    return letters
