"""Splits text without blanks into the commonest words.

Source: the usual dynamic programme over word frequencies, see P. Norvig, "Natural Language Corpus Data" (2009).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from operators.context.lexicon import Lexicon

MAX_LETTERS = 1_000
"""The length of a segment: a whole paragraph may be written in single letters."""
_LONGEST_WORD = 16
_SMALL_WORDS = frozenset(
    (
        "a", "i", "u", "ur", "is", "my", "me", "to", "of", "on", "in", "it", "up", "go", "be", "he", "we", "do", "so",
        "no", "at", "or", "if", "an", "as", "by",
    )
)  # fmt: skip
_NEVER_LAST = frozenset("ai")
_NUM_WORDS = 8_000
"""Rarer words are more often parts of names than words."""
_COST_OF_A_WORD = 3.0


def split_words(letters: str, lexicon: Lexicon) -> list[str]:
    """Return at least two words with these letters, at the lowest cost; an empty list if there are none.

    Args:
        letters: a to z.
        lexicon: the known words.
    """
    if not 4 <= len(letters) <= MAX_LETTERS:
        return []
    best = _cheapest(letters, lexicon)
    words: list[str] = []
    end = len(letters)
    while end:
        start = best[end][1]
        if start < 0:
            return []
        words.append(letters[start:end])
        end = start
    return words[::-1] if len(words) > 1 else []


def _cheapest(letters: str, lexicon: Lexicon) -> Sequence[tuple[float, int]]:
    """Return for each length the cost of its best split and the start of its last word (-1 if nothing fits)."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(letters) + 1):
        starts = range(max(0, end - _LONGEST_WORD), end)
        is_last = end == len(letters)
        costs = ((best[start][0] + _cost(letters[start:end], is_last, lexicon), start) for start in starts)
        cost, start = min(costs)
        best.append((cost, start if cost < math.inf else -1))
    return best


def _cost(word: str, is_last: bool, lexicon: Lexicon) -> float:
    if len(word) < 3 and (word not in _SMALL_WORDS or (is_last and word in _NEVER_LAST)):
        return math.inf
    rank = lexicon.ranks.get(word, _NUM_WORDS + 1)
    if rank > _NUM_WORDS and word not in lexicon.hot:
        return math.inf
    return _COST_OF_A_WORD + math.log(rank)
