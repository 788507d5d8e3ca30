"""`vidsignal doctor` as a command: exit codes and what it prints."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ops.cli.main import app
from ops.doctor import check_registry
from ops.doctor.check import Check
from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong

FINDINGS = {
    "ok": ok("thing", "as it should be"),
    "warning": warning("thing", "[odd]", means="little", do="look"),
    "wrong": wrong("thing", "broken", means="much", do="mend it"),
    "not-checked": not_checked("thing", "nobody there"),
}


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words])


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the only examination finds."""
    found: list[Finding] = []

    def examine(_: CheckContext) -> list[Finding]:
        return found

    monkeypatch.setattr(check_registry, "choose", lambda _: (Check("made-up", "", examine),))
    return found


@pytest.mark.parametrize(
    ("states", "code", "state"),
    [
        (["ok"], 0, "ok"),
        (["ok", "not-checked"], 0, "ok"),
        (["ok", "warning"], 0, "warning"),
        (["warning", "wrong", "ok"], 1, "wrong"),
    ],
)
def test_exit_codes(findings: list[Finding], states: list[str], code: int, state: str) -> None:
    """Only what is wrong fails a probe; the worst state is the document's."""
    findings.extend(FINDINGS[word] for word in states)
    told = invoke("--json")
    assert told.exit_code == code
    assert json.loads(told.stdout)["state"] == state
    assert [row["state"] for row in json.loads(told.stdout)["findings"]] == states


def test_words(findings: list[Finding]) -> None:
    """What is wrong, what it means and what to do are all told, brackets as they are."""
    findings.extend(FINDINGS.values())
    text = invoke().stdout
    for words in ("thing: broken", "means: much", "do:    mend it", "[odd]", "1 wrong, 1 to know about, 1 not checked"):
        assert words in text


def test_real_examinations() -> None:
    """A probe that asks only for what needs no server gets its answer."""
    told = invoke("--only", "policy,codecs", "--json")
    assert told.exit_code == 0
    assert {row["examination"] for row in json.loads(told.stdout)["findings"]} == {"policy", "codecs"}


def test_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that cannot be read are the finding; nothing else is claimed."""
    monkeypatch.setenv("VIDSIGNAL_MAX_CONCURRENT_VIDEOS", "many")
    told = invoke("--json")
    assert told.exit_code == 1
    states = [(row["subject"], row["state"]) for row in json.loads(told.stdout)["findings"]]
    assert states == [("settings", "wrong"), ("everything else", "not-checked")]


def test_wrong_argument() -> None:
    """An examination that there is not is a mistake of use."""
    assert invoke("--only", "kitchen").exit_code == 2
