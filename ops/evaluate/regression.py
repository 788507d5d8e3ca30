"""Compares a run with a saved result of the same set: beyond the saved interval is a regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.evaluate.judgements import PRODUCT
from ops.evaluate.result import LOWER_IS_BETTER, NEITHER_IS_BETTER, MetricValue, SetResult, SubjectResult


class NotComparable(ValueError):
    """The two are of different sets, versions, sizes or seeds; the message names the first difference."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of the product that left the saved interval, or was measured and no longer is."""

    subject: str
    saved: MetricValue
    found: MetricValue | None
    is_worse: bool

    @property
    def words(self) -> str:
        """What changed, for people."""
        place = " ".join(filter(None, (self.subject, self.saved.kind)))
        at = "" if self.saved.threshold is None else f" at {self.saved.threshold:g}"
        now = "not measured" if self.found is None or self.found.value is None else f"{self.found.value:g}"
        interval = f"[{_number(self.saved.low)}, {_number(self.saved.high)}]"
        return f"{place}: {self.saved.metric}{at} is {now}; saved {_number(self.saved.value)} {interval}"


def changes(saved: SetResult, found: SetResult) -> list[Change]:
    """Return the figures of the product that differ beyond the saved interval, regressions first.

    Figures without an interval, and metrics of which neither direction is better, are not compared.

    Raises:
        NotComparable: they are results of different material.
    """
    for name in ("set", "version", "size", "seed"):
        if getattr(saved, name) != getattr(found, name):
            raise NotComparable(
                f"the saved result has {name} {getattr(saved, name)!r}, this run {getattr(found, name)!r}"
            )
    now = {subject.subject: subject for subject in found.subjects}
    changed = [each for subject in saved.subjects for each in _changes(subject, now.get(subject.subject))]
    return sorted(changed, key=lambda change: not change.is_worse)


def _changes(saved: SubjectResult, found: SubjectResult | None) -> Iterator[Change]:
    now = {} if found is None else {_key(figure): figure for figure in _of_product(found)}
    for figure in _of_product(saved):
        if figure.value is None or figure.low is None or figure.high is None or figure.metric in NEITHER_IS_BETTER:
            continue
        other = now.get(_key(figure))
        if other is None or other.value is None:
            yield Change(saved.subject, figure, other, is_worse=True)
        elif not figure.low <= other.value <= figure.high:
            is_worse = (other.value < figure.low) != (figure.metric in LOWER_IS_BETTER)
            yield Change(saved.subject, figure, other, is_worse=is_worse)


def _of_product(subject: SubjectResult) -> tuple[MetricValue, ...]:
    return next((method.figures for method in subject.methods if method.method == PRODUCT), ())


def _key(figure: MetricValue) -> tuple[str, str, float | None]:
    return figure.metric, figure.kind, figure.threshold


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g}"
