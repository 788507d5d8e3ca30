"""A file that is named and missing is a wrong argument: the usage code, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import analyze as analyze_command
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app


@pytest.fixture(autouse=True)
def nothing_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading models fails the test."""

    def load(*_: object) -> None:
        raise AssertionError("models are loaded first")

    monkeypatch.setattr(analyze_command, "open_local_analysis", load)


@pytest.mark.parametrize("arguments", [
    ("analyze", "nope.mp4"), ("policy", "check", "nope.yaml"), ("models", "check", "nope"), ("models", "add", "nope"),
    ("models", "files", "nope"),
])  # fmt: skip
def test_missing(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it."""
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == ExitCode.USAGE
    assert arguments[-1] in ended.output


def test_one_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is analysed of the others, as with any other wrong argument; a folder is no file either."""
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").write_bytes(b"media")
    Path("folder").mkdir()
    for wrong in ("nope.mp4", "folder"):
        ended = CliRunner().invoke(app, ["analyze", "clip.mp4", wrong])
        assert (ended.exit_code, f"{wrong}: " in ended.output) == (ExitCode.USAGE, True)


def test_a_wrong_policy_is_a_finding(tmp_path: Path) -> None:
    """It was read."""
    path = tmp_path / "policy.yaml"
    path.write_text("name: [", encoding="utf-8")
    assert CliRunner().invoke(app, ["policy", "check", str(path)]).exit_code == ExitCode.FOUND


def test_the_policy_in_the_settings_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong settings have the same code."""
    monkeypatch.setenv("VIDSIGNAL_POLICY_FILE", str(tmp_path / "nope.yaml"))
    assert CliRunner().invoke(app, ["policy", "check"]).exit_code == ExitCode.USAGE
