"""The measured part of `docs/model-coverage.md`: one row for each label that a model produces, and other signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ops.evaluate.documents.generated_part import with_part
from ops.evaluate.documents.headline import (
    at_threshold,
    headline,
    lowest_threshold,
    of_method,
    set_words,
    short_value,
)
from ops.evaluate.judgements import PRODUCT
from ops.evaluate.report import NOT_MEASURED
from ops.evaluate.result import Metric, SetResult, SubjectResult

_LABEL_METRICS: Final[tuple[Metric, ...]] = ("precision", "recall", "false alarms", "AUC")


def with_tables(page: str, labels: Sequence[str], results: Sequence[SetResult]) -> str:
    """Return the page with its generated part written again.

    Args:
        page: with the marks of one generated part.
        labels: that models produce.
        results: one of each set.

    Raises:
        ValueError: the marks are missing.
    """
    return with_part(page, tables(labels, results))


def tables(labels: Sequence[str], results: Sequence[SetResult]) -> str:
    """Return both sections."""
    of_labels = [row for label in labels for row in _label_rows(label, results)]
    of_signals = list(_signal_rows(results)) or [(NOT_MEASURED, "", "", "")]
    return "\n".join(
        (
            "## Measured labels",
            "",
            "At the lowest threshold of the default policy, with 95 % intervals: see [evaluation](evaluation.md).",
            "",
            *_table(("label", "set", "positives, negatives", *_LABEL_METRICS), of_labels),
            "",
            "## Measured signals",
            "",
            "What is no label; n is the number of items.",
            "",
            *_table(("signal", "set", "n", "method", "figures"), of_signals),
            "",
        )
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _label_rows(label: str, results: Sequence[SetResult]) -> Iterator[tuple[str, ...]]:
    found = [(result, subject) for result in results for subject in result.subjects if _is_measured(subject, label)]
    if not found:
        yield f"`{label}`", NOT_MEASURED, "0, 0", *([NOT_MEASURED] * len(_LABEL_METRICS))
    for result, subject in found:
        figures = of_method(subject)
        by_metric = at_threshold(figures, lowest_threshold(figures))
        counts = f"{subject.num_positives or 0:,}, {subject.num_negatives or 0:,}"
        yield f"`{label}`", set_words(result), counts, *(short_value(by_metric.get(name)) for name in _LABEL_METRICS)


def _is_measured(subject: SubjectResult, label: str) -> bool:
    return subject.label == label and bool(of_method(subject))


def _signal_rows(results: Sequence[SetResult]) -> Iterator[tuple[str, ...]]:
    for result in results:
        for subject in result.subjects:
            if not subject.label:
                yield from _rows_of_signal(result, subject)


def _rows_of_signal(result: SetResult, subject: SubjectResult) -> Iterator[tuple[str, ...]]:
    methods = [method.method for method in subject.methods]
    if PRODUCT not in methods:
        yield subject.subject, set_words(result), "0", PRODUCT, NOT_MEASURED
    for method in methods:
        words = ", ".join(f"{each.metric} {short_value(each)}" for each in headline(subject, method))
        yield subject.subject, set_words(result), f"{subject.num_items:,}", method, words or NOT_MEASURED
