"""The word error rate: words that were left out, put in or replaced, over the words that were said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ops.evaluate.judgements import Worded
from ops.evaluate.metrics.figures import figure
from ops.evaluate.metrics.intervals import bootstrapped
from ops.evaluate.result import MetricValue


def word_figures(found: Sequence[Worded]) -> list[MetricValue]:
    """Return the figures of one method in one subject: of all items together, and of each kind."""
    kinds = sorted({each.kind for each in found} - {""})
    return [_rate([one for one in found if kind in ("", one.kind)], kind) for kind in ("", *kinds)]


def _rate(found: Sequence[Worded], kind: str) -> MetricValue:
    """Return errors over words, so that a long item counts more than a short one; n is the number of words."""
    errors = np.array([word_errors(each.truth, each.said) for each in found], dtype=np.float64)
    words = np.array([len(each.truth) for each in found], dtype=np.float64)
    spread = bootstrapped(len(found), lambda drawn: float(errors[drawn].sum() / words[drawn].sum()))
    return figure("word error rate", float(errors.sum() / words.sum()), int(words.sum()), spread, kind=kind)


def word_errors(truth: Sequence[str], said: Sequence[str]) -> int:
    """Return the least number of words to leave out, put in or replace that makes one of the other (Levenshtein)."""
    before = list(range(len(said) + 1))
    for row, word in enumerate(truth, start=1):
        now = [row]
        for column, other in enumerate(said, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]
