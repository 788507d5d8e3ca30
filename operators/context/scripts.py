"""The script of a word, and the language of scripts that only one language uses."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

LANGUAGES_OF_SCRIPTS = {
    "GREEK": "el", "THAI": "th", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "ARMENIAN": "hy",
    "GEORGIAN": "ka", "HEBREW": "he", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml",
    "SINHALA": "si", "GUJARATI": "gu", "GURMUKHI": "pa", "ORIYA": "or", "LAO": "lo", "KHMER": "km", "MYANMAR": "my",
    "TIBETAN": "bo", "THAANA": "dv", "CHEROKEE": "chr",
}  # fmt: skip
"""ISO 639. If a few other languages use the script as well, this is by far the most frequent one (exceptions are
Yiddish, Pali)."""
_LEAST_LETTERS = 2
_LEAST_RATIO = 0.5
"""Share of the letters; Han letters are included if kana shows that the text is Japanese."""
_MAX_CHARACTERS = 2_000
_JAPANESE = ("HIRAGANA", "KATAKANA")
_LATIN_LIKE = re.compile(r"[A-Za-z]")


@lru_cache(maxsize=4096)
def script_of(letter: str) -> str:
    """Return the first word of a letter's name in the Unicode Character Database: `LATIN`, `CYRILLIC`, `CJK`."""
    return unicodedata.name(letter, "").split(" ", 1)[0]


def is_latin_word(word: str) -> bool:
    """Return whether a word contains a Latin letter, or no letter at all."""
    if word.isascii():
        return True
    letters = [character for character in word if character.isalpha()]
    return not letters or bool(_LATIN_LIKE.search(word)) or any(script_of(letter) == "LATIN" for letter in letters)


def language_by_script(text: str) -> str | None:
    """Return the only possible language of most of a text's letters; None if the script does not determine it."""
    if text.isascii():
        return None
    counts = Counter(script_of(character) for character in text[:_MAX_CHARACTERS] if character.isalpha())
    if any(counts[script] for script in _JAPANESE):
        counts["HIRAGANA"] += counts.pop("CJK", 0)
    languages: Counter[str] = Counter()
    for script, count in counts.items():
        if script in LANGUAGES_OF_SCRIPTS:
            languages[LANGUAGES_OF_SCRIPTS[script]] += count
    language, letters = max(languages.items(), key=lambda item: item[1], default=("", 0))
    return language if letters >= max(_LEAST_LETTERS, _LEAST_RATIO * counts.total()) else None
