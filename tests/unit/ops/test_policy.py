"""`vidsignal policy apply`: what it refuses before it asks anybody, and what it tells afterwards."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.main import app
from ops.cli.policy_apply import as_json, print_tally
from streams.policy_rollout.rollout_stats import RolloutStats

TALLY = RolloutStats(
    num_chosen=12,
    num_reviewed=3,
    changes=Counter({("allow", "allow"): 9, ("allow", "limit"): 2, ("review", "allow"): 1}),
    examples={("allow", "allow"): ["v-1"], ("allow", "limit"): ["v-2", "v-3"], ("review", "allow"): ["v-4"]},
    skipped=Counter({"facts-gone": 4}),
)


def plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--action", "ban"), "--action is 'ban'; allowed are allow, limit, review, block"),
        (("--market", "de"), "--market is 'de'; allowed are country codes of two capitals"),
        (("--limit", "0"), "--limit"),
        (("--per-second", "0"), "--per-second"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], said: str) -> None:
    """With the usage code, quoting what was wrong and what is allowed."""
    ended = CliRunner().invoke(app, ["policy", "apply", *words])
    assert ended.exit_code == 2
    assert said in plain(ended.output)


def test_a_wrong_policy_is_applied_to_nothing(tmp_path: Path) -> None:
    """Before any broker is asked: there is none here."""
    file = tmp_path / "wrong.yaml"
    file.write_text("name: house\nversion: 0\nrules: []\n")
    environment = {"VIDSIGNAL_POLICY_FILE": str(file), "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    ended = CliRunner().invoke(app, ["policy", "apply"], env=environment)
    assert ended.exit_code == 2
    assert "$.version" in plain(ended.output)


@pytest.mark.parametrize(("is_dry", "done"), [(True, "would be decided again"), (False, "are decided again")])
def test_people_read_a_table(is_dry: bool, done: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each change of an action with its number and some videos, what is passed over and why, and the sum."""
    print_tally(TALLY, "house-2@0123", is_dry=is_dry)
    said = capsys.readouterr().out
    rows = [re.sub(r"[│┃|]", " ", line).split() for line in said.splitlines()]
    assert ["allow", "limit", "2", "v-2,", "v-3"] in rows
    assert ["review", "allow", "1", "v-4"] in rows
    assert ["allow", "the", "same", "9"] in rows
    assert "4 were rebuilt without their facts" in said
    assert f"12 {done}" in plain(said)
    assert "under house-2@0123: 3 change their action; of 3 a person's word stands" in plain(said)


def test_scripts_read_json() -> None:
    """The same numbers, the most frequent change first."""
    told = as_json(TALLY)
    assert (told["num_chosen"], told["num_changed"], told["num_reviewed"]) == (12, 3, 3)
    assert told["changes"][1] == {"before": "allow", "after": "limit", "videos": 2, "examples": ["v-2", "v-3"]}
    assert told["skipped"] == {"facts-gone": 4}


def test_a_judge_is_shown(tmp_path: Path) -> None:
    """Its labels with their bands, what a yes causes, and the random share."""
    label = "violence/weapons/firearm-visible"
    file = tmp_path / "judged.yaml"
    bands = f"{{{label}: {{from: 0.4, to: 0.6}}}}"
    file.write_text(f"name: a\nversion: 1\nrules: []\njudge: {{version: 2, bands: {bands}, random_ratio: 0.005}}\n")
    ended = CliRunner().invoke(app, ["policy", "check", str(file)])
    said = f"judge version 2, a yes causes review: {label} 0.4-0.6; 0.5% of the videos at random"
    assert said in plain(ended.output)
