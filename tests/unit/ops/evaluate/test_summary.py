"""Judgements become results: declared subjects, checked judgements, stable files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import pytest

from models.card_registry import CARDS
from ops.evaluate.evaluation_set import EvaluationRun, EvaluationSet, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, Choice, Decided, MethodSpent, Scored
from ops.evaluate.result import SetResult
from ops.evaluate.result_files import (
    UnreadableResult,
    best_results,
    encoded,
    read_result,
    save_result,
    saved_results,
)
from ops.evaluate.running import Options, run_set, usable_references
from ops.evaluate.set_registry import SETS
from ops.evaluate.summary import InvalidJudgements, costs, summarised
from schemas.identity import Modality
from schemas.labels import LABELS
from streams.decision.policy_file import load_policy

NUDITY = "sexual/explicit/nudity"


class TwoSubjects:
    """A set of three items, one of which cannot be judged."""

    name = "two-subjects"
    version = 4
    description = "For tests."
    subjects = (
        JudgedSubject(NUDITY, "Nudity.", model="opennsfw", label=NUDITY),
        JudgedSubject("never judged", "Nothing."),
    )
    sources = (Source("generated", "none"),)
    references: tuple[Reference, ...] = (
        Reference("absent", module="no_such_module"),
        Reference("a program", program="no-such-program"),
        Reference("present", module="json", program="sh"),
    )
    modalities: tuple[Modality, ...] = ("frames",)
    models = ("opennsfw",)

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        assert list(run.folder.iterdir()) == []
        run.leave_out("broken", "it is broken")
        for method in (PRODUCT, *sorted(run.references)):
            yield Scored(NUDITY, "a", method, "", truth=True, score=0.7)
            yield Scored(NUDITY, "b", method, "", truth=False, score=run.seed / 10)
        yield MethodSpent(PRODUCT, 1.5, media_seconds=3.0)
        yield MethodSpent(PRODUCT, 0.5, media_seconds=1.0)


def options(tmp_path: Path, seed: int = 1, *, has_references: bool = False) -> Options:
    return Options(size="small", seed=seed, data_dir=tmp_path, has_references=has_references)


def a_result(tmp_path: Path, seed: int = 1) -> SetResult:
    return run_set(TwoSubjects(), options(tmp_path, seed), load_policy(None))


class TestRun:
    def test_thresholds_are_those_of_the_policy(self, tmp_path: Path) -> None:
        """A label is reported at each threshold of its rule; 0.7 is beyond the first only."""
        (method,) = a_result(tmp_path).subjects[0].methods
        recalls = {figure.threshold: figure.value for figure in method.figures if figure.metric == "recall"}
        thresholds = load_policy(None).rules[NUDITY].thresholds.values()
        assert recalls == {threshold: float(threshold <= 0.7) for threshold in thresholds}

    def test_subjects_without_judgements_are_not_measured(self, tmp_path: Path) -> None:
        """They stay in the result, without a method and without a figure."""
        assert [(each.subject, each.methods) for each in a_result(tmp_path).subjects[1:]] == [("never judged", ())]

    def test_what_it_names(self, tmp_path: Path) -> None:
        """Set, version, seed, counts, models, code, reasons for what was left out, and sums of costs."""
        found = a_result(tmp_path)
        assert (found.set, found.version, found.seed, found.num_items) == ("two-subjects", 4, 1, 2)
        assert (found.subjects[0].num_positives, found.subjects[0].num_negatives) == (1, 1)
        assert found.models["opennsfw"].startswith("opennsfw@")
        assert list(found.code_versions) == ["frames"]
        assert found.left_out == {"broken": "it is broken"}
        assert [(each.cpu_seconds, each.media_seconds, each.num_items) for each in found.costs] == [(2.0, 4.0, 2)]

    def test_models_that_run(self, tmp_path: Path) -> None:
        """Fingerprints are those of the cards that run here; a model that is switched off is not named."""
        added = {"opennsfw": CARDS["yamnet"]}
        found = run_set(TwoSubjects(), replace(options(tmp_path), cards=added), load_policy(None))
        assert found.models == {"opennsfw": CARDS["yamnet"].fingerprint}
        assert run_set(TwoSubjects(), replace(options(tmp_path), cards={}), load_policy(None)).models == {}

    def test_references(self, tmp_path: Path) -> None:
        """Those that are installed run if they are wanted, behind the product."""
        assert usable_references(TwoSubjects()) == ("present",)
        found = run_set(TwoSubjects(), options(tmp_path, has_references=True), load_policy(None))
        assert [each.method for each in found.subjects[0].methods] == [PRODUCT, "present"]

    def test_wanted_precision(self, tmp_path: Path) -> None:
        """The lowest threshold that separates both items is the positive's score."""
        (method,) = a_result(tmp_path).subjects[0].methods
        assert [advice.threshold for advice in method.advice if advice.wanted == "precision"] == [0.7]


class TestChecks:
    SUBJECTS = (JudgedSubject("s", "S."),)

    @pytest.mark.parametrize(
        ("judgements", "words"),
        [
            ([Choice("t", "a", PRODUCT, "", ("x",), "x")], "'t'; declared are s"),
            ([Choice("s", "a", PRODUCT, "", ("x",), "x")] * 2, "judges 'a' twice"),
            ([Scored("s", "a", PRODUCT, "", True, 1.5)], "score of 'a' is 1.5"),
            ([Scored("s", "a", PRODUCT, "", True, float("nan"))], "score of 'a' is nan"),
            ([Scored("s", "a", PRODUCT, "", True, 1.0), Decided("s", "b", PRODUCT, "", True, True)], "several kinds"),
        ],
    )
    def test_mistakes_of_sets(self, judgements: list[AnyJudgement], words: str) -> None:
        """A set that breaks its declaration is told so; nothing is counted."""
        with pytest.raises(InvalidJudgements, match=words):
            summarised(self.SUBJECTS, judgements)

    def test_no_costs(self) -> None:
        """Without costs there are none, and no zero."""
        assert costs([]) == ()


class TestFiles:
    def test_equal_runs_give_equal_files(self, tmp_path: Path) -> None:
        """Whatever differs between two files was measured to differ."""
        assert encoded(a_result(tmp_path)) == encoded(a_result(tmp_path))

    def test_read_back(self, tmp_path: Path) -> None:
        """A saved result is read as it was."""
        found = a_result(tmp_path)
        assert read_result(save_result(found, tmp_path)) == found
        assert saved_results(tmp_path) == [found]

    def test_schema(self, tmp_path: Path) -> None:
        """The file follows the schema, which refuses a word in place of a number."""
        schema = msgspec.json.schema(SetResult)
        document = msgspec.json.decode(encoded(a_result(tmp_path)))
        jsonschema.validate(document, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | {"seed": "one"}, schema)

    @pytest.mark.parametrize("content", ["{", "{}", None])
    def test_unreadable(self, tmp_path: Path, content: str | None) -> None:
        """Another file, or one of another format, says what to do."""
        path = tmp_path / "x-small.json"
        found = msgspec.json.decode(encoded(a_result(tmp_path)))
        path.write_text(content if content is not None else msgspec.json.encode(found | {"format": 0}).decode())
        with pytest.raises(UnreadableResult, match="measure again"):
            read_result(path)

    def test_full_results_are_preferred(self, tmp_path: Path) -> None:
        """Documents quote the full run where there is one."""
        small = a_result(tmp_path)
        full = msgspec.structs.replace(small, size="full")
        assert best_results([full, small]) == {"two-subjects": full}
        assert best_results([small]) == {"two-subjects": small}


@pytest.mark.parametrize("found", SETS.values(), ids=SETS)
class TestEverySet:
    def test_its_names(self, found: EvaluationSet) -> None:
        """Subjects have different names, labels are of the taxonomy, and the set is listed under its name."""
        names = [subject.name for subject in found.subjects]
        assert len(set(names)) == len(names) > 0
        assert {subject.label for subject in found.subjects} - {""} <= set(LABELS)
        assert SETS[found.name] is found

    def test_it_says_where_it_comes_from(self, found: EvaluationSet) -> None:
        """Every set names its material with a licence, and describes itself in a sentence."""
        assert found.sources
        assert all(source.licence for source in found.sources)
        assert found.description.endswith(".")
