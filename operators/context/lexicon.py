"""The words that the models of abuse know, and which of them weigh enough to be worth hiding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from models.profanity import Profanity
from models.toxicity import ToxicityTokens

HOT_SCORE = 0.97
"""A word that the linear model alone calls offensive with this probability; the default policy limits from it."""
WARM_SCORE = 0.5
"""A word that may be shown as one that scored."""
NUM_COMMON = 3_000
"""So many of the commonest words that the network knows are in nearly every English sentence and in few others."""
_LEAST_HOT_LETTERS = 3
"""The linear model learnt from texts that tokenizers had cut; `ck` and `u` are no words that anybody hides."""
_NO_WORDS = frozenset(("ing", "cking"))
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """English words by how common they are in what the models learnt from."""

    ranks: Mapping[str, int]
    """From 1; words of letters alone."""
    scores: Mapping[str, float]
    """What the linear model says of each word alone, in [0, 1]."""
    hot: frozenset[str]
    hot_by_length: Mapping[int, tuple[str, ...]]
    hot_inside: re.Pattern[str]
    """Finds a hot word anywhere in a text."""

    def is_known(self, word: str) -> bool:
        """Whether a model of abuse has learnt anything of a word in lower case."""
        return word in self.ranks or word in self.scores

    def is_common(self, word: str) -> bool:
        """Whether it is one of the commonest words, or one that is worth hiding."""
        return self.ranks.get(word, NUM_COMMON + 1) <= NUM_COMMON or word in self.hot

    def warmth(self, word: str) -> float:
        """What the linear model says of the word alone; 0 where it does not know it."""
        return self.scores.get(word, 0.0)


def lexicon_of(profanity: Profanity, tokens: ToxicityTokens) -> Lexicon:
    """The words of both models."""
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
    return Lexicon(ranks, scores, hot, by_length, inside)
