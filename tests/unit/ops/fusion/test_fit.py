"""A head is learned from reviewed verdicts, refused where they do not permit it, and begins as a shadow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from ops.calibration.examples import CannotFit
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from ops.fusion.fitted_rule import as_yaml
from ops.fusion.fitting import fit_head
from ops.fusion.reviewed import examples_of, shadow_examples
from schemas.codec import encode
from schemas.outcomes import Action, ModalityStates, Verdict
from streams.decision.decide import decide
from streams.decision.policy_file import load_policy, parse_policy
from tests.sample_facts import evidence, signal
from tests.sample_verdicts import reviewed_verdict

SEEN, HEARD, USED = (f"violence/weapons/{name}" for name in ("firearm-visible", "gunfire-heard", "firearm-use"))
POLICY = load_policy(None)
RULE = POLICY.fusion[0]
Truth = Callable[[random.Random, float, float], bool]
"""What people do, by the scores of what is seen and heard."""


def verdict(seen: float, heard: float, action: Action, *, at: float = 100.0, other: str | None = None) -> Verdict:
    labels = (evidence(SEEN, seen), evidence(HEARD, heard))
    return reviewed_verdict(action, labels, because=other or USED, at=at)


def by_sound(drawn: random.Random, _seen: float, heard: float) -> bool:
    """The sound tells it, and what is seen does not."""
    return heard + drawn.gauss(0, 0.1) > 0.6


def by_chance(drawn: random.Random, _seen: float, _heard: float) -> bool:
    """Nothing tells it."""
    return drawn.random() < 0.5


def reviewed(number: int, truth: Truth = by_sound) -> list[Verdict]:
    drawn = random.Random(1)
    pairs = [(drawn.uniform(0.2, 1), drawn.uniform(0.2, 1)) for _ in range(number)]
    return [verdict(seen, heard, "block" if truth(drawn, seen, heard) else "allow") for seen, heard in pairs]


class TestExamples:
    def test_what_says_something_of_the_label(self) -> None:
        """Not a video that goes on to another person, nor one that was reviewed for another label."""
        found = examples_of(
            RULE,
            POLICY,
            [
                verdict(0.5, 0.6, "block"),
                verdict(0.5, 0.6, "review"),
                verdict(0.5, 0.6, "block", other="sexual/explicit/nudity"),
                verdict(0.1, 0.6, "allow"),
                msgspec.structs.replace(verdict(0.5, 0.6, "allow"), reviewed=None),
            ],
        )
        assert [(each.scores, each.is_right) for each in found] == [({SEEN: 0.5, HEARD: 0.6}, True)]

    def test_a_shadow_is_judged_by_later_reviews(self) -> None:
        """Those that it was learned from would praise it."""
        fitted = fit_head(RULE, examples_of(RULE, POLICY, reviewed(300)))
        policy = parse_policy(b"name: a\nversion: 1\nrules: []\nfusion:\n" + as_yaml(RULE, 2, fitted).encode())
        signals = signal("frames", scores={SEEN: 0.5}), signal("audio", scores={HEARD: 0.9})
        labels = decide(policy, signals, ModalityStates(), None).labels
        known = [msgspec.structs.replace(verdict(0.5, 0.9, "block", at=at), labels=labels) for at in (100.0, 101.0)]
        (found,) = shadow_examples(policy.fusion[0], policy, known)
        assert found.is_right
        assert found.score in [item.score for item in labels if item.label == USED]
        assert found.stated == pytest.approx(1 - (1 - 0.25) * (1 - 0.54))


class TestFit:
    def test_learns_which_source_tells(self) -> None:
        """Better than the stated rule on folds that it was not fitted to."""
        fitted = fit_head(RULE, examples_of(RULE, POLICY, reviewed(300)))
        assert fitted.head.weights[HEARD] > 5 * fitted.head.weights[SEEN] >= 0
        assert fitted.auc > fitted.auc_stated + 0.05
        assert fitted.brier < fitted.brier_base / 2

    def test_more_evidence_never_lowers_a_score(self) -> None:
        """Where reviews say the opposite of a source, it does not count."""

        def contrary(drawn: random.Random, seen: float, heard: float) -> bool:
            return heard - seen + drawn.gauss(0, 0.1) > 0

        assert fit_head(RULE, examples_of(RULE, POLICY, reviewed(300, contrary))).head.weights[SEEN] == 0.0

    def test_refuses_few_reviews(self) -> None:
        """Fifty of each kind are needed."""
        with pytest.raises(CannotFit, match="at least 50 are needed"):
            fit_head(RULE, examples_of(RULE, POLICY, reviewed(90)))

    def test_refuses_what_it_cannot_learn(self) -> None:
        """Chance has no better order than the stated rule, or no better probability than the base rate."""
        with pytest.raises(CannotFit, match="no better than the stated rule"):
            fit_head(RULE, examples_of(RULE, POLICY, reviewed(300, by_chance)))


class TestCommand:
    def run(self, *words: str) -> tuple[int, str]:
        ended = CliRunner().invoke(app, ["fusion", *words])
        return ended.exit_code, ended.output

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "verdicts.jsonl"
        path.write_bytes(b"\n".join(encode(each) for each in reviewed(300)) + b"\n")
        return path

    def test_fit_and_shadow(self, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rule goes into the policy as it is written, as a shadow that decides nothing."""
        rule = tmp_path / "rule.yaml"
        exit_code, output = self.run("fit", USED, "--verdicts", str(file), "--out", str(rule))
        assert (exit_code, "on held-out folds AUC" in output) == (0, True)
        policy = tmp_path / "policy.yaml"
        policy.write_text(f"name: a\nversion: 1\nrules: []\nfusion:\n{rule.read_text()}")
        (parsed,) = load_policy(policy).fusion
        assert (parsed.version, parsed.is_shadow, parsed.all_of) == (RULE.version + 1, True, RULE.all_of)
        assert parsed.head is not None and parsed.head.until_unix_seconds == 100.0
        monkeypatch.setenv("VIDSIGNAL_POLICY_FILE", str(policy))
        exit_code, output = self.run("shadow", "--verdicts", str(file), "--json")
        assert (exit_code, json.loads(output)) == (
            0,
            [{"label": USED, "version": 2, "shadowed": 0, "auc": None, "auc_stated": None}],
        )

    @pytest.mark.parametrize(
        ("words", "exit_code", "said"),
        [
            (("fit", "violence/weapons/firearm-used"), ExitCode.USAGE, "did you mean 'violence/weapons/firearm-use'"),
            (("fit", USED, "--verdicts", "none.jsonl"), ExitCode.USAGE, "none.jsonl cannot be read"),
        ],
    )
    def test_wrong_words(self, words: tuple[str, ...], exit_code: int, said: str) -> None:
        """With what is allowed."""
        found, output = self.run(*words)
        assert (found, said in " ".join(output.split())) == (exit_code, True), output

    def test_a_line_that_is_no_verdict(self, tmp_path: Path) -> None:
        """It is named by its number."""
        path = tmp_path / "verdicts.jsonl"
        path.write_text("\n{}\n")
        exit_code, output = self.run("fit", USED, "--verdicts", str(path))
        assert (exit_code, "line 2" in output) == (ExitCode.USAGE, True)
