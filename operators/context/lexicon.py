"""The words that the abuse models know, and those with enough weight to be worth hiding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.profanity import Profanity
from models.toxicity import ToxicityTokens

HOT_SCORE = 0.97
"""Probability from which the linear model alone calls a word offensive ("hot"); the default policy limits from it."""
WARM_SCORE = 0.5
"""Score from which a word may be named as the cause of a score."""
NUM_COMMON = 3_000
"""This number of the commonest words that the network knows are in nearly every English sentence and in few others."""
_LEAST_HOT_LETTERS = 3
"""The linear model was trained on texts that tokenizers had split; nobody hides `ck` and `u`."""
_NO_WORDS = frozenset(("ing", "cking"))
_LETTERS = re.compile(r"[a-z]+")
_VOWEL = re.compile("[aeiou]")
_LEAST_SHAPE_LETTERS = 3
"""Minimum number of letters of a word without its vowels; a scrambled word has at least one more."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """English words with their frequency ranks in the models' training data."""

    ranks: Mapping[str, int]
    """From 1; only words that consist of letters."""
    scores: Mapping[str, float]
    """The linear model's score of each single word, in [0, 1]."""
    hot: frozenset[str]
    hot_by_length: Mapping[int, tuple[str, ...]]
    hot_inside: re.Pattern[str]
    """Finds a hot word anywhere in a text."""
    hot_by_shape: Mapping[str, str] = field(default_factory=dict)
    """Hot words by their letters in another order, or without vowels; without shapes that a common word has, too."""

    def is_known(self, word: str) -> bool:
        """Return whether an abuse model knows a word in lower case."""
        return word in self.ranks or word in self.scores

    def is_common(self, word: str) -> bool:
        """Return whether it is one of the commonest words, or a hot one."""
        return self.ranks.get(word, NUM_COMMON + 1) <= NUM_COMMON or word in self.hot

    def unscrambled(self, word: str) -> str | None:
        """Return the hot word that an unknown word is, with its inner letters reordered or without its vowels."""
        if len(word) < _LEAST_SHAPE_LETTERS:
            return None
        if _VOWEL.search(word[1:]):
            return self.hot_by_shape.get(_scrambled(word))
        return self.hot_by_shape.get(word) or self.hot_by_shape.get(_scrambled(word))

    def warmth(self, word: str) -> float:
        """Return the linear model's score of the single word; 0 if unknown."""
        return self.scores.get(word, 0.0)


def lexicon_of(profanity: Profanity, tokens: ToxicityTokens) -> Lexicon:
    """Return the words of both models."""
    scores = profanity.word_scores()
    hot = frozenset(
        word
        for word, score in scores.items()
        if score >= HOT_SCORE and len(word) >= _LEAST_HOT_LETTERS and word not in _NO_WORDS
    )
    lengths = {len(word) for word in hot}
    by_length = {length: tuple(sorted(word for word in hot if len(word) == length)) for length in lengths}
    inside = re.compile("|".join(sorted(hot)) or r"(?!)")
    ranks = {word: rank for word, rank in tokens.word_numbers.items() if _LETTERS.fullmatch(word)}
    return Lexicon(ranks, scores, hot, by_length, inside, _shapes_of(hot, ranks))


def _shapes_of(hot: frozenset[str], ranks: Mapping[str, int]) -> dict[str, str]:
    everyday = {word for word, rank in ranks.items() if rank <= NUM_COMMON} - hot
    taken = {shape for word in everyday for shape in _shapes(word)}
    by_warmth = sorted(hot, key=lambda word: (ranks.get(word, len(ranks)), word))
    shapes: dict[str, str] = {}
    for word in by_warmth:
        for shape in _shapes(word):
            if shape not in taken:
                shapes.setdefault(shape, word)
    return shapes


def _shapes(word: str) -> tuple[str, ...]:
    skeleton = word[0] + _VOWEL.sub("", word[1:])
    shapes = (skeleton,) if _LEAST_SHAPE_LETTERS <= len(skeleton) < len(word) else ()
    return (*shapes, _scrambled(word)) if len(word) > _LEAST_SHAPE_LETTERS else shapes


def _scrambled(word: str) -> str:
    """Return a key that is equal for words that differ only in the order of their inner letters; it is no word
    itself."""
    return f"{word[0]}-{''.join(sorted(word[1:-1]))}-{word[-1]}"
