"""A result for people: rows, sentences and plots, in which what was not measured is said to be not measured."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ops.evaluate.evaluation_set import JudgedSubject
from ops.evaluate.judgements import PRODUCT, Choice, MethodSpent, Scored
from ops.evaluate.plots import plot_result
from ops.evaluate.product import Analysed, spent
from ops.evaluate.report import advice_lines, cost_lines, left_out_lines, rows
from ops.evaluate.result import SetResult
from ops.evaluate.summary import Wanted, costs, summarised
from schemas.evidence import LabelEvidence, Segment
from schemas.facts import Failure, Signal
from tests import sample_facts
from tests.evaluation_results import set_result


def a_result() -> SetResult:
    subjects = (
        JudgedSubject("a label", "A.", thresholds={PRODUCT: (0.5,)}),
        JudgedSubject("harmless", "H.", thresholds={PRODUCT: (0.5,)}),
        JudgedSubject("language", "L."),
        JudgedSubject("later", "Not yet."),
    )
    judgements = [
        Scored("a label", "a", PRODUCT, "", True, 0.9),
        Scored("a label", "b", PRODUCT, "", False, 0.2),
        Scored("harmless", "a", PRODUCT, "", False, 0.1),
        Choice("language", "a", PRODUCT, "short", ("en",), "en"),
    ]
    return set_result(
        *summarised(subjects, judgements, Wanted(review_load=0.5)),
        size="small",
        num_items=2,
        costs=costs([MethodSpent(PRODUCT, 3.0, media_seconds=6.0, num_items=2)]),
    )


class TestRows:
    def test_measured(self) -> None:
        """Subject, method, metric with threshold and kind, value, interval, n."""
        found = list(rows(a_result()))
        assert ("a label", PRODUCT, "recall at 0.5", "1.000", "[0.206 1.000]", "1") in found
        assert ("language", PRODUCT, "right, short", "1.000", "[0.206 1.000]", "1") in found

    def test_not_measured(self) -> None:
        """Recall without positives, and a subject without judgements."""
        found = list(rows(a_result()))
        assert ("harmless", PRODUCT, "recall at 0.5", "not measured", "", "0") in found
        assert ("later", "", "", "not measured", "", "0") in found


class TestLines:
    def test_thresholds(self) -> None:
        """A reached target is told with what it gives, an unreached one as such."""
        found = list(advice_lines(a_result()))
        assert any(line.startswith("a label, vidsignal: precision 0.9 from 0.9 on: precision 1.000") for line in found)
        assert "harmless, vidsignal: precision 0.9 is not measured: nothing in the set shows it" in found
        assert "harmless, vidsignal: review load 0.5 is reached by no threshold" in found

    def test_left_out(self) -> None:
        """The number of items, and at most ten of them with their reasons; nothing where none is left out."""
        many = msgspec.structs.replace(a_result(), left_out={f"f{number}": "broken" for number in range(12)})
        assert list(left_out_lines(many))[:2] == ["12 items left out, such as:", "  f0: broken"]
        assert len(list(left_out_lines(many))) == 11
        assert list(left_out_lines(a_result())) == []

    def test_costs(self) -> None:
        """CPU seconds in all, an item, and a second of media."""
        assert list(cost_lines(a_result())) == ["vidsignal: 3.0 CPU seconds, 1.5000 an item, 0.5000 a second of media"]


def test_plots(tmp_path: Path) -> None:
    """One plot for each measured subject, none for the others."""
    paths = plot_result(a_result(), tmp_path)
    assert [path.name for path in paths] == [f"a-set-small-{name}.png" for name in ("a-label", "harmless", "language")]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


class TestAnalysed:
    def signal(self, failure: Failure | None = None, **labels: tuple[float, float, float]) -> Signal:
        return sample_facts.signal(
            "audio",
            status="failed" if failure else "ok",
            failure=failure,
            labels=tuple(
                LabelEvidence(
                    label=label,
                    score=score,
                    model="m@1",
                    segments=(Segment(start_seconds=start, end_seconds=end, score=score),),
                )
                for label, (start, end, score) in labels.items()
            ),
        )

    def test_the_highest_score_counts(self) -> None:
        """Of several models that say a label, the surest; 0 if none says it."""
        found = Analysed("a", (self.signal(x=(0, 2, 0.4)), self.signal(x=(4, 6, 0.7))), 1.0)
        assert (found.score_of("x"), found.score_of("y")) == (0.7, 0.0)
        assert found.times_of("x", 0.2) == (1.0, 5.0)
        assert found.times_of("x", 0.5) == (5.0,)

    def test_problems(self) -> None:
        """A failed modality is a problem with its message; none is none."""
        failed = self.signal(Failure(cause="media-broken", message="it is broken"))
        assert Analysed("a", (self.signal(), failed), 0.0).problem == "it is broken"
        assert Analysed("a", (self.signal(),), 0.0).problem == ""

    def test_spent(self) -> None:
        """Sums of all files."""
        assert spent([Analysed("a", (), 1.0), Analysed("b", (), 0.5)]) == MethodSpent(PRODUCT, 1.5, 0.0, 2)
