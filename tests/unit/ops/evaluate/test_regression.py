"""A run against a saved result: only what leaves the saved interval is a change."""

from __future__ import annotations

import msgspec
import pytest

from ops.evaluate.judgements import PRODUCT
from ops.evaluate.regression import NotComparable, changes
from ops.evaluate.result import MethodResult, Metric, MetricValue, SetResult, SubjectResult
from tests.evaluation_results import set_result


def result(*figures: MetricValue, method: str = PRODUCT, version: int = 1, seed: int = 1) -> SetResult:
    methods = (MethodResult(method=method, num_items=10, figures=figures),)
    subject = SubjectResult(subject="s", meaning="", methods=methods)
    return set_result(subject, size="small", version=version, seed=seed, num_items=10)


def figure(
    value: float | None, metric: Metric = "recall", kind: str = "", threshold: float | None = None
) -> MetricValue:
    has_interval = value is not None
    return MetricValue(
        metric=metric,
        value=value,
        n=10,
        low=0.6 if has_interval else None,
        high=0.9 if has_interval else None,
        kind=kind,
        threshold=threshold,
    )


SAVED = result(figure(0.8))


class TestChanges:
    @pytest.mark.parametrize("value", [0.6, 0.7, 0.8, 0.9])
    def test_within_the_interval(self, value: float) -> None:
        """Both ends belong to it."""
        assert changes(SAVED, result(figure(value))) == []

    @pytest.mark.parametrize(("value", "is_worse"), [(0.59, True), (0.91, False)])
    def test_beyond_the_interval(self, value: float, is_worse: bool) -> None:
        """Below is worse, above is better, and both are told with what was saved."""
        (change,) = changes(SAVED, result(figure(value)))
        assert change.is_worse is is_worse
        assert change.words == f"s: recall is {value:g}; saved 0.8 [0.6, 0.9]"

    @pytest.mark.parametrize(("value", "is_worse"), [(0.59, False), (0.91, True)])
    def test_where_less_is_better(self, value: float, is_worse: bool) -> None:
        """More false alarms are worse, fewer are better."""
        saved = result(figure(0.8, "false alarms", threshold=0.5))
        (change,) = changes(saved, result(figure(value, "false alarms", threshold=0.5)))
        assert change.is_worse is is_worse
        assert " at 0.5 is " in change.words

    def test_no_longer_measured(self) -> None:
        """A figure that was measured and is gone, is worse."""
        for found in (result(figure(None)), result(), result(figure(0.8), method="another")):
            (change,) = changes(SAVED, found)
            assert change.is_worse
            assert "not measured" in change.words

    def test_what_is_not_compared(self) -> None:
        """What was not measured, has no interval, or has no better side."""
        bare = MetricValue(metric="largest error", value=0.8, n=10)
        saved = result(figure(None), figure(0.8, "bias"), figure(0.8, "abstains"), bare)
        assert changes(saved, result(figure(0.1, "bias"), figure(0.1, "abstains"))) == []

    def test_kinds_are_compared_alone(self) -> None:
        """The same metric of another kind is another figure."""
        saved = result(figure(0.8, kind="fade"), figure(0.8, kind="jump"))
        found = changes(saved, result(figure(0.1, kind="jump"), figure(0.8, kind="fade")))
        assert [change.saved.kind for change in found] == ["jump"]

    def test_the_worst_first(self) -> None:
        """What somebody has to act on is not behind what became better."""
        saved = result(figure(0.8, kind="a"), figure(0.8, kind="b"))
        found = changes(saved, result(figure(0.95, kind="a"), figure(0.1, kind="b")))
        assert [change.is_worse for change in found] == [True, False]


@pytest.mark.parametrize("changed", [{"version": 2}, {"seed": 2}, {"size": "full"}, {"set": "another"}])
def test_other_material_is_not_compared(changed: dict[str, object]) -> None:
    """Another set, version, size or seed has other items, and its figures mean nothing here."""
    with pytest.raises(NotComparable, match=next(iter(changed))):
        changes(SAVED, msgspec.structs.replace(SAVED, **changed))
