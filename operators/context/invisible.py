"""Removes invisible characters, except where a script or an emoji needs them."""

from __future__ import annotations

import re
import unicodedata

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point of Unicode 15, and the interlinear annotations."""
_RUN = re.compile(f"[{_IGNORABLE}]+")
_JOINERS = "\u200c\u200d"
_JOINING_SCRIPTS = frozenset(
    (
        "ARABIC", "SYRIAC", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU",
        "KANNADA", "MALAYALAM", "SINHALA", "MYANMAR", "KHMER", "TIBETAN",
    )
)  # fmt: skip
"""Scripts in which ZWJ and ZWNJ change the meaning; the first word of a character's name."""
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_FLAG_TAGS = re.compile("[\U000e0020-\U000e007f]+")
_MARKS = re.compile("[\u200e\u200f\u061c\u2066-\u2069]")
"""Marks and isolates that right-to-left text puts around quotations; inside a right-to-left word they hide nothing."""


def without_invisible(text: str) -> str:
    """Remove invisible characters, except those that Arabic, Indic scripts and emoji need."""
    return _RUN.sub(_needed, text)


def without_any_invisible(text: str) -> str:
    """Remove all invisible characters, for models that know words of Latin letters only."""
    return _RUN.sub("", text)


def _needed(found: re.Match[str]) -> str:
    before = found.string[found.start() - 1] if found.start() else ""
    after = found.string[found.end()] if found.end() < len(found.string) else ""
    run = found[0]
    if _is_emoji(before):
        return "".join(each for each in run if each in _JOINERS or _SELECTORS.match(each) or _FLAG_TAGS.match(each))
    if _script(before) in _JOINING_SCRIPTS:
        return "".join(each for each in run if each in _JOINERS or _MARKS.match(each) or _SELECTORS.match(each))
    return "".join(each for each in run if _is_selected(each, before) or _is_direction(each, before, after))


def _is_selected(character: str, before: str) -> bool:
    """Return whether a variation selector belongs to the character before it: Han has variants of its own; a digit with
    a selector becomes a keycap."""
    is_selectable = _script(before) in ("CJK", "MONGOLIAN") or before in tuple("0123456789#*")
    return bool(_SELECTORS.match(character)) and is_selectable


def _is_direction(character: str, before: str, after: str) -> bool:
    """Return whether a mark is next to right-to-left text, and not between two Latin letters."""
    is_right_to_left = any(unicodedata.bidirectional(each) in ("R", "AL") for each in before + after)
    return is_right_to_left and bool(_MARKS.match(character))


def _is_emoji(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in ("So", "Sk") and ord(character) > 0x2000


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ", 1)[0] if character else ""
