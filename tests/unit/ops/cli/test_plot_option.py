"""`--plot` of commands that measure for minutes: what could not be written is refused before they begin."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app

COMMANDS = (("bench", "load"), ("models", "bench"), ("size", "--videos-per-second", "1"), ("costs",))


def refused(command: tuple[str, ...], plot: Path) -> str:
    """What is said on a refusal, on one line."""
    ended = CliRunner().invoke(app, [*command, "--plot", str(plot)])
    assert ended.exit_code == ExitCode.USAGE, ended.output
    return " ".join(ended.output.split())


@pytest.fixture(autouse=True)
def _without_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the commands may get as far as its work."""
    for path in ("ops.bench.load.bench.ready_assets", "ops.model_bench.bench.time_models", "ops.cli.size.try_policies"):
        monkeypatch.setattr(path, lambda *_given, **_more: pytest.fail("it began"))
    monkeypatch.setattr("ops.cli.costs.read_pieces", lambda *_given, **_more: pytest.fail("it began"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
class TestRefusedPlots:
    def test_without_the_library(
        self, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is an extra; twenty minutes of measurement would end without the picture."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert "vidsignal[plots]" in refused(command, tmp_path / "plot.svg")

    def test_in_a_folder_that_does_not_exist(self, command: tuple[str, ...], tmp_path: Path) -> None:
        """Nothing creates folders that may be misspelt."""
        assert "allowed: a file in a folder that exists" in refused(command, tmp_path / "none" / "plot.svg")
