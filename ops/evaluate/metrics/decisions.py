"""Metrics of yes and no: precision, recall, F1, false alarms; of all items and of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.evaluate.judgements import Decided
from ops.evaluate.metrics.figures import f1, share
from ops.evaluate.result import MetricValue


def decision_figures(found: Sequence[Decided], threshold: float | None = None) -> list[MetricValue]:
    """Return the figures of one method in one subject.

    A kind holds positives or negatives as a rule, so kinds have recall and false alarms, and no precision.

    Args:
        found: its judgements.
        threshold: at which scores became decisions, if they did.
    """
    num_positives = sum(each.truth for each in found)
    num_said = sum(each.said for each in found)
    num_hits = sum(each.truth and each.said for each in found)
    return [
        share("precision", num_hits, num_said if num_positives else 0, threshold=threshold),
        share("recall", num_hits, num_positives, threshold=threshold),
        f1(num_hits, num_said - num_hits, num_positives - num_hits, threshold=threshold),
        _false_alarms(found, "", threshold),
        *_by_kind(found, threshold),
    ]


def _by_kind(found: Sequence[Decided], threshold: float | None) -> Iterator[MetricValue]:
    for kind in sorted({each.kind for each in found} - {""}):
        of_kind = [each for each in found if each.kind == kind]
        positives = [each.said for each in of_kind if each.truth]
        if positives:
            yield share("recall", sum(positives), len(positives), kind=kind, threshold=threshold)
        if len(positives) < len(of_kind):
            yield _false_alarms(of_kind, kind, threshold)


def _false_alarms(found: Sequence[Decided], kind: str, threshold: float | None) -> MetricValue:
    """Return the share of negatives that are said."""
    said = [each.said for each in found if not each.truth]
    return share("false alarms", sum(said), len(said), kind=kind, threshold=threshold)
