"""Metrics of one answer out of several: right, wrong, abstains; of all items and of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from ops.evaluate.judgements import Choice
from ops.evaluate.metrics.figures import share
from ops.evaluate.result import MetricValue


def choice_figures(found: Sequence[Choice]) -> list[MetricValue]:
    """Return the figures of one method in one subject."""
    kinds = sorted({each.kind for each in found} - {""})
    return [each for kind in ("", *kinds) for each in _figures([one for one in found if kind in ("", one.kind)], kind)]


def _figures(found: Sequence[Choice], kind: str) -> list[MetricValue]:
    num_said = sum(each.said is not None for each in found)
    num_right_said = sum(each.said in each.truth for each in found)
    num_right = num_right_said + sum(each.said is None and not each.truth for each in found)
    return [
        share("right", num_right, len(found), kind=kind),
        share("wrong", num_said - num_right_said, len(found), kind=kind),
        share("abstains", len(found) - num_said, len(found), kind=kind),
        share("right when said", num_right_said, num_said, kind=kind),
    ]
