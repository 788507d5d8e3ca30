"""A judge's answers next to people's decisions: counts, agreement, kappa, apart for what it was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operators.judge.judge_answer import judge_evidence
from ops.cli.main import app
from ops.evaluate.metrics.intervals import wilson
from ops.judge.agreement import Agreement, agreements
from schemas.codec import encode
from schemas.evidence import AskedFor, JudgeWord
from schemas.outcomes import Action, Verdict
from tests.sample_verdicts import reviewed_verdict

GUN, BLADE = "violence/weapons/firearm-visible", "violence/weapons/blade-visible"


def verdict(
    answer: JudgeWord,
    action: Action,
    *,
    asked_for: AskedFor = "band",
    label: str = GUN,
    because: str | None = GUN,
    is_reviewed: bool = True,
    version: int = 1,
) -> Verdict:
    labels = judge_evidence({label: asked_for}, [answer], version)
    return reviewed_verdict(action, labels, because=because, is_reviewed=is_reviewed)


BAND = [
    *[verdict("yes", "block")] * 20, *[verdict("yes", "allow")] * 5, *[verdict("no", "limit")] * 10,
    *[verdict("no", "allow")] * 15,
]  # fmt: skip
"""Cohen's example: 35 of 50 agree, and 25 of them by chance."""


def one(verdicts: list[Verdict], label: str = "all", asked_for: AskedFor = "band") -> Agreement:
    (found,) = [each for each in agreements(verdicts) if (each.label, each.asked_for) == (label, asked_for)]
    return found


class TestFigures:
    def test_agreement_and_kappa(self) -> None:
        """Worked by hand: .7 agree, .5 by chance, so kappa is .4."""
        found = one(BAND)
        assert found.num_compared == 50
        assert found.share == pytest.approx(0.7)
        assert found.interval == wilson(35, 50)
        assert found.kappa == pytest.approx(0.4)

    def test_band_and_random_share_are_apart(self) -> None:
        """So are labels and versions."""
        verdicts = [
            verdict("yes", "block"),
            verdict("no", "allow", asked_for="random"),
            verdict("yes", "allow", label=BLADE),
            verdict("yes", "block", version=2),
        ]
        found = {(each.judge, each.asked_for, each.label): each.share for each in agreements(verdicts)}
        assert found == {
            ("judge@1", "band", "all"): 0.5,
            ("judge@1", "band", GUN): 1.0,
            ("judge@1", "band", BLADE): 0.0,
            ("judge@1", "random", "all"): 1.0,
            ("judge@1", "random", GUN): 1.0,
            ("judge@2", "band", "all"): 1.0,
            ("judge@2", "band", GUN): 1.0,
        }

    def test_what_says_nothing(self) -> None:
        """No review, one that asks for another person, an unsure answer, and an action for another label."""
        verdicts = [
            verdict("yes", "review"),
            verdict("yes", "block", is_reviewed=False),
            verdict("unsure", "block"),
            verdict("no", "block", because=BLADE),
        ]
        found = one(verdicts)
        assert (found.num_compared, found.share, found.interval, found.kappa) == (0, None, None, None)
        assert found.cells == {"unsure": 1, "other label": 1}

    def test_an_allowed_video_counts_whatever_its_reasons(self) -> None:
        """A person who allows it says no to every label."""
        assert one([verdict("no", "allow", because=BLADE)]).share == 1.0

    def test_kappa_without_variety(self) -> None:
        """Where both always say the same, chance explains it all."""
        assert one([verdict("no", "allow")] * 10).kappa is None


class TestCommand:
    def run(self, folder: Path, verdicts: list[Verdict], *options: str) -> str:
        path = folder / "verdicts.jsonl"
        path.write_bytes(b"\n".join(map(encode, verdicts)))
        ended = CliRunner().invoke(app, ["judge", "agreement", "--verdicts", str(path), *options])
        assert ended.exit_code == 0, ended.output
        return ended.output

    def test_lines(self, tmp_path: Path) -> None:
        """Agreement, interval, number, kappa and counts."""
        said = self.run(tmp_path, BAND)
        assert "judge@1 band all: 0.70 [0.56, 0.81] of 50 agree, kappa 0.40" in said
        assert "5 yes allowed" in said

    def test_json(self, tmp_path: Path) -> None:
        """The same as values."""
        first, second = json.loads(self.run(tmp_path, BAND, "--json"))
        assert (first["label"], second["label"]) == ("all", GUN)
        assert (first["kappa"], first["compared"], first["counts"]["no acted"]) == (0.4, 50, 10)

    def test_nothing(self, tmp_path: Path) -> None:
        """It reports it."""
        assert "no reviewed verdict" in self.run(tmp_path, [])
