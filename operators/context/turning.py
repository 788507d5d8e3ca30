"""Reads text that is reversed or upside down.

A segment counts as turned only if its words are unknown and most words of the turned reading are common ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from operators.context.lexicon import Lexicon

_TURNED: Final = dict(zip("ɐǝɟƃɓɥᴉıɾʞɯɹʇʌʍʎɔ", "aefgghiijkmrtvwyc", strict=True))
"""Upside-down letters."""
_TURNS: Final = str.maketrans(_TURNED)
_HALF_TURNS: Final = str.maketrans(_TURNED | dict(zip("undpbqwm", "nupdqbmw", strict=True)))
"""The same with letters that turn into another letter of the alphabet."""
_IS_TURNED: Final = re.compile(f"[{''.join(_TURNED)}]")
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_LEAST_WORDS: Final = 2
"""Minimum number of different common words of three letters and more in the turned text."""
_LEAST_RATIO: Final = 0.5
"""Share of the different words of three letters and more."""


def turned(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Return readings of a text in the other direction, if these are texts; none if it is readable as it is.

    Args:
        text: a segment, in lower case.
        lexicon: the known words.
    """
    if _num_common(_words(text), lexicon) >= _LEAST_WORDS and not _IS_TURNED.search(text):
        return ()
    readings = dict.fromkeys(_readings(text))
    return tuple(reading for reading in readings if reading != text and _is_text(_words(reading), lexicon))


def _readings(text: str) -> Iterator[str]:
    if _IS_TURNED.search(text):
        yield text.translate(_HALF_TURNS)[::-1]
        yield text.translate(_TURNS)
        yield text.translate(_HALF_TURNS)
    yield " ".join(word[::-1] for word in text.split())
    yield text[::-1]


def _words(text: str) -> Sequence[str]:
    return list(dict.fromkeys(_WORD.findall(text)))


def _num_common(words: Sequence[str], lexicon: Lexicon) -> int:
    return sum(lexicon.is_common(word) for word in words)


def _is_text(words: Sequence[str], lexicon: Lexicon) -> bool:
    num_common = _num_common(words, lexicon)
    return num_common >= _LEAST_WORDS and num_common >= _LEAST_RATIO * len(words)
