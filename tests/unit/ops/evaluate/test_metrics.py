"""Every metric against values computed by hand, and the cases in which there is nothing to measure."""

from __future__ import annotations

import math

import pytest

from ops.evaluate.judgements import PRODUCT, Amount, Choice, Decided, Scored, Timed, TrueSpan
from ops.evaluate.metrics.amounts import amount_figures
from ops.evaluate.metrics.choices import choice_figures
from ops.evaluate.metrics.decisions import decision_figures
from ops.evaluate.metrics.ranking import auc, average_precision, reliability
from ops.evaluate.metrics.scores import (
    arrays_of,
    curve,
    score_figures,
    threshold_for_load,
    threshold_for_precision,
)
from ops.evaluate.metrics.times import matched, time_figures
from ops.evaluate.result import MetricValue


def scored(*pairs: tuple[bool, float]) -> list[Scored]:
    return [Scored("s", f"i{number}", PRODUCT, "", truth, score) for number, (truth, score) in enumerate(pairs)]


def decided(*pairs: tuple[bool, bool], kind: str = "") -> list[Decided]:
    return [Decided("s", f"{kind}{number}", PRODUCT, kind, truth, said) for number, (truth, said) in enumerate(pairs)]


def timed(truth: list[tuple[float, float, str]], said: list[float], frame_seconds: float = 0.0) -> Timed:
    spans = tuple(TrueSpan(*span) for span in truth)
    return Timed("s", f"i{truth}{said}", PRODUCT, "", spans, tuple(said), frame_seconds)


def value(figures: list[MetricValue], metric: str, kind: str = "", threshold: float | None = None) -> float | None:
    (found,) = (each for each in figures if (each.metric, each.kind, each.threshold) == (metric, kind, threshold))
    return found.value


def number(figures: list[MetricValue], metric: str, kind: str = "") -> int:
    (found,) = (each for each in figures if (each.metric, each.kind) == (metric, kind))
    return found.n


MIXED = scored((True, 0.9), (True, 0.8), (False, 0.7), (True, 0.6), (False, 0.4), (False, 0.1))


class TestDecisions:
    FOUND = (*decided((True, True), (True, True), (True, False), kind="hard"), *decided((False, True), (False, False)))

    def test_by_hand(self) -> None:
        """Two of three said are right, two of three positives said, one of two negatives said."""
        figures = decision_figures(self.FOUND)
        assert value(figures, "precision") == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "recall") == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "F1") == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "false alarms") == 0.5
        assert value(figures, "recall", "hard") == pytest.approx(2 / 3, abs=1e-4)

    def test_no_positives(self) -> None:
        """Harmless material measures false alarms, and neither precision nor recall."""
        figures = decision_figures(decided((False, True), (False, False)))
        assert [value(figures, metric) for metric in ("precision", "recall", "F1")] == [None, None, None]
        assert value(figures, "false alarms") == 0.5

    def test_nothing_said(self) -> None:
        """Where nothing is said, precision is not measured, and recall is 0."""
        figures = decision_figures(decided((True, False), (False, False)))
        assert value(figures, "precision") is None
        assert (value(figures, "recall"), value(figures, "F1")) == (0.0, 0.0)

    def test_nothing_judged(self) -> None:
        """Without items nothing is measured, and every n is 0."""
        assert {(each.value, each.n, each.low) for each in decision_figures([])} == {(None, 0, None)}


class TestRanking:
    def test_auc_by_hand(self) -> None:
        """Eight of nine pairs are in order."""
        found = auc(*arrays_of(MIXED))
        assert (found.value, found.n) == (pytest.approx(8 / 9, abs=1e-4), 9)

    def test_ties_count_half(self) -> None:
        """A positive and a negative with one score are a coin's toss; the other pair is in order."""
        assert auc(*arrays_of(scored((True, 0.5), (False, 0.5), (False, 0.1)))).value == 0.75

    def test_all_equal_scores(self) -> None:
        """Equal scores order nothing: area one half, precision the share of positives."""
        same = scored((True, 0.3), (False, 0.3), (False, 0.3), (False, 0.3))
        assert auc(*arrays_of(same)).value == 0.5
        assert average_precision(*arrays_of(same)).value == 0.25

    def test_average_precision_by_hand(self) -> None:
        """Positives at ranks 1, 2 and 4 of six: (1/1 + 2/2 + 3/4) / 3."""
        assert average_precision(*arrays_of(MIXED)).value == pytest.approx((1 + 1 + 0.75) / 3, abs=1e-4)

    @pytest.mark.parametrize("found", [scored(), scored((True, 0.3)), scored((False, 0.3), (False, 0.9))])
    def test_one_kind_missing(self, found: list[Scored]) -> None:
        """Without both kinds there is no order to measure, and no calibration."""
        truth, scores = arrays_of(found)
        assert [auc(truth, scores).value, average_precision(truth, scores).value] == [None, None]
        assert reliability(truth, scores) == ()

    def test_reliability_by_hand(self) -> None:
        """A score of 1 is in the last bin, one at a bound in the upper bin; empty bins are left out."""
        bins = reliability(*arrays_of(scored((True, 1.0), (False, 0.92), (True, 0.5), (False, 0.05))))
        assert [(each.low, each.high, each.n, each.true_share) for each in bins] == [
            (0.0, 0.1, 1, 0.0),
            (0.5, 0.6, 1, 1.0),
            (0.9, 1.0, 2, 0.5),
        ]
        assert bins[-1].mean_score == 0.96


class TestScores:
    def test_a_score_at_the_threshold_reaches_it(self) -> None:
        """As in the policy: 0.7 reaches 0.7."""
        figures = score_figures(MIXED, [0.7])
        assert value(figures, "precision", threshold=0.7) == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "recall", threshold=0.7) == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "false alarms", threshold=0.7) == pytest.approx(1 / 3, abs=1e-4)

    def test_threshold_for_precision(self) -> None:
        """From 0.6 on three of four are right, which is the lowest score that gives 0.75; from 0.8 on all are."""
        low, high = threshold_for_precision(MIXED, 0.75), threshold_for_precision(MIXED, 0.9)
        assert (low.threshold, low.precision.value, low.recall.value) == (0.6, 0.75, 1.0)
        assert (high.threshold, high.precision.value) == (0.8, 1.0)
        assert high.recall.value == pytest.approx(2 / 3, abs=1e-4)

    def test_no_threshold_for_precision(self) -> None:
        """A negative with the highest score leaves no threshold; nothing is claimed of it."""
        found = threshold_for_precision(scored((False, 0.9), (True, 0.9)), 0.9)
        assert (found.threshold, found.precision.value, found.recall.value, found.load) == (None, None, None, None)

    def test_threshold_for_load(self) -> None:
        """Two of six items are a third; at a load of a fifth one is left, at a tenth none."""
        third, fifth, tenth = (threshold_for_load(MIXED, load) for load in (0.34, 0.2, 0.1))
        assert (third.threshold, third.load) == (0.8, pytest.approx(1 / 3, abs=1e-4))
        assert fifth.threshold == 0.9
        assert (tenth.threshold, tenth.load) == (None, None)

    def test_threshold_for_load_of_harmless_material(self) -> None:
        """Without positives a load is a load: precision and recall are not measured."""
        found = threshold_for_load(scored((False, 0.2), (False, 0.1)), 0.5)
        assert (found.threshold, found.load) == (0.2, 0.5)
        assert (found.precision.value, found.recall.value) == (None, None)

    def test_curve(self) -> None:
        """Loads fall as thresholds rise; where nothing is said, precision is not measured."""
        points = curve(MIXED)
        assert (points[0].threshold, points[0].load, points[0].recall) == (0.05, 1.0, 1.0)
        assert (points[-1].threshold, points[-1].precision, points[-1].recall) == (0.95, None, 0.0)
        assert [point.load for point in points] == sorted((point.load for point in points), reverse=True)


class TestTimes:
    def test_by_hand(self) -> None:
        """Of three changes two are found, one time is false; errors are those of cuts, in frames."""
        item = timed([(1.0, 1.0, "hard"), (5.0, 6.0, "fade"), (9.0, 9.0, "hard")], [1.08, 5.5, 7.0], 0.04)
        figures = time_figures([item], 0.25)
        assert value(figures, "precision") == pytest.approx(2 / 3, abs=1e-4)
        assert value(figures, "recall") == pytest.approx(2 / 3, abs=1e-4)
        assert (value(figures, "recall", "hard"), value(figures, "recall", "fade")) == (0.5, 1.0)
        assert value(figures, "median time error") == value(figures, "time bias") == 2.0
        assert number(figures, "time bias") == 1

    def test_at_the_tolerance(self) -> None:
        """A time that is off by just the tolerance is a hit, one beyond it is not."""
        assert len(matched(timed([(1.0, 1.0, "")], [1.25]), 0.25).pairs) == 1
        assert len(matched(timed([(1.0, 1.0, "")], [1.26]), 0.25).pairs) == 0

    def test_one_time_for_one_change(self) -> None:
        """Three times within one fade are one hit and two false ones."""
        found = matched(timed([(1.0, 2.0, "fade")], [1.1, 1.5, 1.9]), 0.25)
        assert (len(found.pairs), found.num_false) == (1, 2)

    def test_the_nearest_of_several(self) -> None:
        """A false time shortly before the cut does not take the place of the right one."""
        found = matched(timed([(1.0, 1.0, "")], [0.8, 1.01]), 0.25)
        assert [time for _, time in found.pairs] == [1.01]

    def test_as_many_as_possible(self) -> None:
        """The nearest time of one cut is the only one of another: both are hit."""
        found = matched(timed([(1.0, 1.0, ""), (1.3, 1.3, "")], [0.8, 1.1]), 0.25)
        assert [time for _, time in found.pairs] == [0.8, 1.1]

    def test_nothing_to_find(self) -> None:
        """Without changes neither precision nor recall is measured, and no NaN appears."""
        figures = time_figures([timed([], [3.0])], 0.25)
        assert {each.value for each in figures} == {None}

    def test_nothing_said(self) -> None:
        """Silence where there are cuts is a recall of 0 and no time error."""
        figures = time_figures([timed([(1.0, 1.0, "hard")], [])], 0.25)
        assert (value(figures, "recall"), value(figures, "precision")) == (0.0, None)
        assert value(figures, "median time error") is None


class TestAmounts:
    def test_by_hand(self) -> None:
        """Errors of +.1 and -.3: mean size .2, bias -.1, largest .3; one of three abstains."""
        found = [
            Amount("s", name, PRODUCT, kind, truth=0.5, said=said)
            for name, kind, said in (("a", "x", 0.6), ("b", "y", 0.2), ("c", "y", None))
        ]
        figures = amount_figures(found, "s")
        assert (value(figures, "mean absolute error"), value(figures, "bias")) == (0.2, -0.1)
        assert value(figures, "largest error") == 0.3
        assert value(figures, "abstains") == pytest.approx(1 / 3, abs=1e-4)
        assert value(figures, "mean absolute error", "x") == 0.1

    def test_one_value_has_no_interval(self) -> None:
        """One error says nothing of their spread."""
        figures = amount_figures([Amount("s", "a", PRODUCT, "", truth=0.5, said=0.6)], "")
        assert [(each.low, each.high) for each in figures if each.metric == "bias"] == [(None, None)]

    def test_only_abstains(self) -> None:
        """Nothing said is no error of 0."""
        figures = amount_figures([Amount("s", "a", PRODUCT, "", truth=0.5, said=None)], "")
        assert (value(figures, "mean absolute error"), value(figures, "abstains")) == (None, 1.0)


class TestChoices:
    def test_by_hand(self) -> None:
        """Right, wrong, abstains, and right to abstain."""
        found = [
            Choice("s", "a", PRODUCT, "short", truth=("en",), said="en"),
            Choice("s", "b", PRODUCT, "short", truth=("no", "da"), said="sv"),
            Choice("s", "c", PRODUCT, "long", truth=("de",), said=None),
            Choice("s", "d", PRODUCT, "long", truth=(), said=None),
        ]
        figures = choice_figures(found)
        shares = [value(figures, metric) for metric in ("right", "wrong", "abstains", "right when said")]
        assert shares == [0.5, 0.25, 0.5, 0.5]
        assert value(figures, "right", "short") == 0.5
        assert value(figures, "right when said", "long") is None

    def test_nothing_judged(self) -> None:
        """Without items nothing is measured."""
        assert {each.value for each in choice_figures([])} == {None}


def test_no_figure_is_not_a_number() -> None:
    """Whatever is measured is a finite number, else nothing is said: JSON has no NaN."""
    figures = [
        *score_figures(scored((True, 0.0)), [0.0, 1.0]),
        *score_figures(scored(), [0.5]),
        *time_figures([], 0.25),
        *amount_figures([], ""),
    ]
    numbers = [each for figure in figures for each in (figure.value, figure.low, figure.high) if each is not None]
    assert numbers and all(math.isfinite(each) for each in numbers)
