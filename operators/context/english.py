"""Selects the English words of a segment, because the abuse models know English only.

In other languages harmless words look like English insults: German `die` alone makes a text toxic. So text that is
certainly in another language is not scored. But insults are not written like Wikipedia, on which the language
classifier was trained: it takes `Die die die you ugly bitch` for German. So words of which nearly all are among the
commonest of English are English, whatever the classifier says, and a run of such words inside a foreign sentence is
scored separately.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from models.language_id import Language
from operators.context.language import text_language
from operators.context.lexicon import Lexicon
from operators.context.scripts import is_latin_word

ABUSE_LANGUAGE = "en"

_COMMON_RATIO = 0.75
"""Share of the distinct words; foreign sentences in the tests' titles have at most 0.57, English insults 0.8 and
more."""
_LEAST_DISTINCT = 3
_SHORT_COMMON_RATIO = 0.6
"""The same for a segment of unknown language inside a text of another language."""
_LEAST_RUN = 4
"""Distinct common words in a row; two, if one of them is a word that addresses somebody."""
_LEAST_ADDRESSED_RUN = 2
_ADDRESSING = frozenset(("you", "your", "yourself", "u", "ur", "my", "off"))
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?")

Identify = Callable[[str], Language | None]


def english_words(text: str, identify: Identify, lexicon: Lexicon, around: Language | None) -> str:
    """Return the words of a segment that are English or may be, in order; an empty text without any.

    Args:
        text: a segment.
        identify: the language classifier.
        lexicon: the English words that the models know.
        around: the language of the whole text, for segments that are too short to identify.
    """
    latin = [word for word in text.split() if is_latin_word(word)]
    if not any(character.isalpha() for word in latin for character in word):
        return ""
    return " ".join(latin if _is_english(latin, identify, lexicon, around) else _english_runs(latin, lexicon))


def _is_english(words: Sequence[str], identify: Identify, lexicon: Lexicon, around: Language | None) -> bool:
    text = " ".join(words)
    if _is_commonly_english(text, lexicon, _COMMON_RATIO, _LEAST_DISTINCT):
        return True
    language = text_language(identify, text)
    if language is not None:
        return language.code == ABUSE_LANGUAGE
    if around is None or around.code == ABUSE_LANGUAGE:
        return True
    return _is_commonly_english(text, lexicon, _SHORT_COMMON_RATIO, 1)


def _is_commonly_english(text: str, lexicon: Lexicon, least_ratio: float, least_distinct: int) -> bool:
    distinct = set(_LETTERS.findall(text.lower()))
    if len(distinct) < least_distinct:
        return False
    return sum(lexicon.is_common(word) for word in distinct) >= least_ratio * len(distinct)


def _english_runs(words: Sequence[str], lexicon: Lexicon) -> Iterator[str]:
    for is_common, group in groupby(words, key=lambda word: _is_common(word, lexicon)):
        run = list(group)
        if is_common and _is_sentence(run):
            yield from run


def _is_common(word: str, lexicon: Lexicon) -> bool:
    letters = _LETTERS.findall(word.lower())
    return bool(letters) and all(lexicon.is_common(each) for each in letters)


def _is_sentence(run: Sequence[str]) -> bool:
    distinct = {letters for word in run for letters in _LETTERS.findall(word.lower())}
    least = _LEAST_RUN if _ADDRESSING.isdisjoint(distinct) else _LEAST_ADDRESSED_RUN
    return len(distinct) >= least
