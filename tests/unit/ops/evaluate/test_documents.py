"""Cards, documents and the default policy say what the saved results say, and nothing else of them is generated."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import yaml

from models.card_registry import CARDS
from ops.evaluate.documents.card_text import START, measured_words, with_measurements
from ops.evaluate.documents.coverage_tables import with_tables
from ops.evaluate.documents.generated_part import BEGIN, END
from ops.evaluate.documents.generating import REPOSITORY, generated
from ops.evaluate.documents.headline import short_value
from ops.evaluate.documents.policy_comments import with_comments
from ops.evaluate.judgements import PRODUCT
from ops.evaluate.result import MethodResult, Metric, MetricValue, SetResult, SubjectResult
from ops.evaluate.result_files import RESULTS_FOLDER, file_name, read_result
from ops.evaluate.set_registry import SETS
from tests.evaluation_results import set_result

NUDITY = "sexual/explicit/nudity"
PATHS = sorted(RESULTS_FOLDER.glob("*.json"))


def figure(metric: Metric, value: float | None, threshold: float | None = None, kind: str = "") -> MetricValue:
    has_interval = value is not None
    return MetricValue(
        metric=metric,
        value=value,
        n=10,
        low=0.25 if has_interval else None,
        high=0.75 if has_interval else None,
        threshold=threshold,
        kind=kind,
    )


def result(*figures: MetricValue, subject: str = NUDITY, label: str = NUDITY, model: str = "opennsfw") -> SetResult:
    methods = (MethodResult(method=PRODUCT, num_items=3, figures=figures),) if figures else ()
    found = SubjectResult(
        subject=subject,
        meaning="",
        model=model,
        label=label,
        num_items=3,
        num_positives=1 if label else None,
        num_negatives=2 if label else None,
        methods=methods,
    )
    return set_result(found, num_items=3)


RESULT = result(
    figure("AUC", 0.9), figure("recall", 0.5, 0.6), figure("precision", None, 0.6), figure("recall", 0.2, 0.8)
)


def test_files_are_as_generated() -> None:
    """Anyone who saves a result, or edits a generated line by hand, is told: run `make evaluation-documents`."""
    differing = [path for path, content in generated() if path.read_text(encoding="utf-8") != content]
    assert [str(path.relative_to(REPOSITORY)) for path in differing] == []


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
class TestSavedResults:
    def test_is_of_a_set(self, path: Path) -> None:
        """Set, version and size are those of a set that exists; another version has to be measured again."""
        found = read_result(path)
        assert SETS[found.set].version == found.version
        assert file_name(found.set, found.size) == path.name

    def test_is_of_the_present_models(self, path: Path) -> None:
        """Figures of other weights are not figures of this release."""
        found = read_result(path)
        assert found.models == {name: CARDS[name].fingerprint for name in found.models}


def test_something_is_saved() -> None:
    """The tests above have something to look at."""
    assert PATHS


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "words"),
        [(0.5, "0.50"), (0.004, "0.004"), (0.997, "0.997"), (0.0, "0.00"), (1.0, "1.00"), (12.34, "12.3")],
    )
    def test_digits(self, value: float, words: str) -> None:
        """Small shares keep a digit more, and so do those that are nearly 1."""
        assert short_value(MetricValue(metric="recall", value=value, n=1)) == words

    def test_not_measured(self) -> None:
        """No figure and a figure without a value are the same, and never 0."""
        assert short_value(None) == short_value(figure("recall", None)) == "not measured"


class TestCards:
    def test_measured(self) -> None:
        """Set, size, counts and threshold stand with the figures; what was not measured is left out of them."""
        assert measured_words(CARDS["opennsfw"], [RESULT]) == (
            f"{START} {NUDITY} (a-set 1, full; 1 of it, 2 not) at 0.6: recall 0.50 [0.25 0.75], AUC 0.90 [0.25 0.75]."
        )

    def test_labels_that_were_not(self) -> None:
        """Each label of the card that no set measures is named."""
        words = measured_words(CARDS["yamnet"], [RESULT])
        assert words.startswith(f"{START} Not measured: violence/distress/cries-heard, ")

    def test_nothing(self) -> None:
        """A model without labels and figures reports it."""
        assert measured_words(CARDS["silero-vad"], []) == f"{START} nothing yet."

    def test_what_is_written_by_hand_stays(self) -> None:
        """Only the end of checked_on changes; generating twice changes nothing more."""
        card = CARDS["opennsfw"]
        content = 'name = "x"\nchecked_on = """\\\nBy hand, on \\\n26 frames."""\ngeneration = 1\n'
        once = with_measurements(content, card, [RESULT])
        assert once.startswith('name = "x"\nchecked_on = """\\\nBy hand, on 26 frames. Measured by')
        assert once.endswith('"""\ngeneration = 1\n')
        assert with_measurements(once, card, [RESULT]) == once
        assert "0.50" not in with_measurements(once, card, [])

    def test_another_form(self) -> None:
        """A card whose text has another form is refused, so that no its figures stay old."""
        with pytest.raises(ValueError, match="checked_on"):
            with_measurements('checked_on = "one line"\n', CARDS["opennsfw"], [])


class TestCoverage:
    PAGE = f"# By hand\n\n{BEGIN}\nformer text\n{END}\n\nmore\n"

    def test_labels(self) -> None:
        """Every label has a row; one without a result is not measured in every column."""
        page = with_tables(self.PAGE, [NUDITY, "a/b/c"], [RESULT])
        assert f"| `{NUDITY}` | a-set 1, full | 1, 2 | not measured | 0.50 [0.25 0.75] | not measured | 0.90 " in page
        assert f"| `a/b/c` | not measured | 0, 0 |{' not measured |' * 4}" in page

    def test_signals(self) -> None:
        """What is no label has a row for each method; a subject without judgements is not measured."""
        found = result(figure("right", 0.5), subject="language", label="", model="")
        page = with_tables(self.PAGE, [], [found, result(subject="later", label="", model="")])
        assert "| language | a-set 1, full | 3 | vidsignal | right 0.50 [0.25 0.75] |" in page
        assert "| later | a-set 1, full | 0 | vidsignal | not measured |" in page

    def test_the_rest_stays(self) -> None:
        """What stands outside of the marks is not touched, and generating twice changes nothing more."""
        page = with_tables(self.PAGE, [NUDITY], [RESULT])
        assert page.startswith("# By hand\n\n") and page.endswith("\n\nmore\n") and "former text" not in page
        assert with_tables(page, [NUDITY], [RESULT]) == page

    def test_without_marks(self) -> None:
        """A page without the marks is refused."""
        with pytest.raises(ValueError, match="generated parts"):
            with_tables("# By hand\n", [], [])


class TestPolicy:
    POLICY = (
        f"# head\nrules:\n  # by hand\n  - label: {NUDITY}\n    thresholds: {{limit: 0.6, review: 0.8}}\n"
        "  - label: violence\n    thresholds: {review: 0.8}\n"
    )
    THRESHOLDS: ClassVar = {NUDITY: {"limit": 0.6, "review": 0.8}, "violence": {"review": 0.8}}

    def test_each_threshold(self) -> None:
        """One line for each action; rules that are no label of a model have none."""
        found = with_comments(self.POLICY, {NUDITY}, self.THRESHOLDS, [RESULT])
        rest = "precision and false alarms not measured (a-set 1, full)"
        assert [line for line in found.splitlines() if "measured" in line] == [
            f"  # measured: limit from 0.6: recall 0.50 [0.25 0.75], {rest}",
            f"  # measured: review from 0.8: recall 0.20 [0.25 0.75], {rest}",
        ]

    def test_another_threshold(self) -> None:
        """A threshold that was changed after the measurement is not measured."""
        changed = {NUDITY: {"limit": 0.5}}
        found = with_comments(self.POLICY, {NUDITY}, changed | {"violence": {}}, [RESULT])
        assert "limit from 0.5: precision and recall and false alarms not measured" in " ".join(found.split())

    def test_only_comments_change(self) -> None:
        """The rules stay what they were, and generating twice changes nothing more."""
        found = with_comments(self.POLICY, {NUDITY}, self.THRESHOLDS, [RESULT])
        assert yaml.safe_load(found) == yaml.safe_load(self.POLICY)
        assert with_comments(found, {NUDITY}, self.THRESHOLDS, [RESULT]) == found
        assert with_comments(found, set(), {}, []) == self.POLICY


def test_a_better_figure_changes_the_documents() -> None:
    """The generated text depends on the result: another value is another text."""
    better = msgspec.structs.replace(RESULT, size="small")
    assert measured_words(CARDS["opennsfw"], [better]) != measured_words(CARDS["opennsfw"], [RESULT])
