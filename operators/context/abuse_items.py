"""The toxicity network's input items of an upload's passages, with the linear model's scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from models.toxicity import NUM_WORDS
from operators.context.passages import Passage
from schemas.evidence import TextForm

MAX_ITEMS = 512
"""Maximum number of items of an upload: about 300,000 characters, a second and a half of one core. Above it, the items
with the highest linear score are used; the letters of the others count as not scored."""
SUSPICIOUS_SCORE = 0.5
"""A passage with this score of the linear model is also an item of its own, so that harmless text around it does not
lower the score."""


@dataclass(frozen=True, slots=True)
class AbuseItem:
    """Passages of one form that the network scores together; of several parts if all are short."""

    item: np.ndarray
    """(100,) int64."""
    passages: tuple[Passage, ...]
    worst: Passage
    """The passage with the highest linear score."""
    score: float
    """Its linear score, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class AbuseItems:
    """The network's input for an upload."""

    items: tuple[AbuseItem, ...]
    num_left_out_letters: int


def abuse_items(
    passages: Sequence[Passage],
    scores: Sequence[float],
    encode_all: Callable[[str], Sequence[np.ndarray]],
) -> AbuseItems:
    """Pack passages into items of at most 100 known words.

    Args:
        passages: in the order of the text.
        scores: the linear model's score of each.
        encode_all: text to items, see `models.toxicity.ToxicityTokens.encode_all`.
    """
    scored = sorted(zip(passages, scores, strict=True), key=lambda each: each[0].form != "as written")
    packed = [pack for _, group in groupby(scored, key=lambda each: each[0].form) for pack in _packs(group)]
    alone = [[each] for pack in packed if len(pack) > 1 for each in pack if each[1] >= SUSPICIOUS_SCORE]
    distinct: dict[bytes, AbuseItem] = {}
    for pack in (*packed, *alone):
        for item in _items(pack, encode_all):
            distinct.setdefault(item.item.tobytes(), item)
    worst = sorted(distinct.values(), key=lambda item: -item.score)
    return AbuseItems(tuple(worst[:MAX_ITEMS]), _left_out_letters(worst))


def _left_out_letters(worst: Sequence[AbuseItem]) -> int:
    """Return the letters of passages that are in no scored item, in the form with more of them."""
    read = {passage for item in worst[:MAX_ITEMS] for passage in item.passages}
    letters: Counter[TextForm] = Counter()
    for passage in {passage for item in worst[MAX_ITEMS:] for passage in item.passages} - read:
        letters[passage.form] += sum(map(str.isalpha, passage.text))
    return max(letters.values(), default=0)


def _packs(scored: Iterable[tuple[Passage, float]]) -> Iterator[list[tuple[Passage, float]]]:
    pack: list[tuple[Passage, float]] = []
    num_words = 0
    for each in scored:
        words = len(each[0].text.split())
        if pack and num_words + words > NUM_WORDS:
            yield pack
            pack, num_words = [], 0
        pack.append(each)
        num_words += words
    if pack:
        yield pack


def _items(
    pack: Sequence[tuple[Passage, float]], encode_all: Callable[[str], Sequence[np.ndarray]]
) -> Iterator[AbuseItem]:
    passages = tuple(passage for passage, _ in pack)
    worst, score = max(pack, key=lambda each: each[1])
    for item in encode_all("\n".join(passage.text for passage in passages)):
        yield AbuseItem(item, passages, worst, score)
