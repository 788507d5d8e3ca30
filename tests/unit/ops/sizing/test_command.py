"""`vidsignal size` as people and scripts call it, and the document that quotes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli.main import app
from ops.sizing.document import DOCUMENT, tables, with_tables
from ops.sizing.plot import plot_trials
from ops.sizing.profile import load_profile, write_profile
from ops.sizing.quantity import FIGURES
from ops.sizing.scaling import ByLag
from ops.sizing.trial import LAG_THRESHOLDS, SizingTrial
from tests.documents import REPOSITORY
from tests.sizing_profile import round_profile

TEXT = DOCUMENT.read_text(encoding="utf-8")


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["size", *words], env={"COLUMNS": "200"})


class TestCommand:
    def test_answers_and_names_its_assumptions(self) -> None:
        """The whole table, and each figure that nobody measured."""
        found = call("--videos-per-second", "100", "--no-simulate")
        assert found.exit_code == 0
        for word in ("cells", "media workers", "partitions", "Redis data", "MODELLED", "money a day", "kWh"):
            assert word in found.output
        profile = load_profile(None)
        not_measured = [name for name, each in profile.figures.items() if each.origin != "measured"]
        assert [name for name in not_measured if f"  {name} = " not in found.output] == []

    def test_json_is_one_object(self) -> None:
        """With the p99 of the simulation, and every figure with its origin."""
        found = json.loads(call("--videos-per-second", "1", "--json").stdout)
        assert found["simulated"]["p99_seconds"] > found["simulated"]["p50_seconds"] > 0
        assert found["profile"]["figures"].keys() == FIGURES.keys()
        assert found["usd_per_day"] == pytest.approx(sum(found["plan"]["bill"]["usd_per_day"].values()))

    def test_own_figures(self, tmp_path: Path) -> None:
        """From a file, and one put in by hand."""
        write_profile(round_profile(), tmp_path / "ours.json")
        words = ("--profile", str(tmp_path / "ours.json"), "--set", "copies=2", "--no-simulate")
        found = call("--videos-per-second", "10", *words)
        assert "sizing by profile round" in found.output
        assert "copies = 2 copies: replicas of each partition (option: command line)" in found.output

    def test_a_wished_p99_is_kept(self) -> None:
        """Workers are filled as far as the simulation allows."""
        words = ("--set", "redis_cell_bytes=1e13", "--p99-seconds", "8", "--json")
        found = json.loads(call("--videos-per-second", "5", *words).stdout)
        assert found["simulated"]["p99_seconds"] <= 8.0
        assert found["profile"]["figures"]["utilisation"]["origin"] == "option"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "--videos-per-second is missing"),
            (["--videos-per-second", "0"], "the rate is 0.0 videos a second; allowed: 0.0001 to 1e+07"),
            (["--videos-per-second", "-3"], "the rate is -3.0"),
            (["--videos-per-second", "nan"], "the rate is nan"),
            (["--videos-per-second", "1e8"], "the rate is 100000000.0"),
            (["--videos-per-second", "1", "--set", "copies"], "--set is 'copies'; allowed: NAME=VALUE"),
            (["--videos-per-second", "1", "--set", "copys=3"], "no figure 'copys'"),
            (["--videos-per-second", "1", "--set", "copies=9"], "copies is 9.0 copies; allowed: 1 to 5"),
            (["--videos-per-second", "1", "--plot", "x.gif"], "allowed: a file that ends in .png or .svg"),
            (["--videos-per-second", "1", "--p99-seconds", "0.01"], "out of reach"),
            (["--videos-per-second", "1", "--profile", "none.json"], "'none.json' cannot be read"),
            (["--measure", "x.toml"], "allowed: a file that ends in .json"),
        ],
    )
    def test_what_is_wrong_is_said(self, words: list[str], message: str) -> None:
        """In one line, with the code for wrong arguments."""
        found = call(*words)
        assert found.exit_code == 2
        assert message in found.output

    def test_figures(self) -> None:
        """Each with its bounds."""
        lines = call("--figures").output.splitlines()
        assert [line.partition(" = ")[0] for line in lines] == list(FIGURES)


class TestPlot:
    def trials(self) -> list[SizingTrial]:
        common = (10, 5.0, 4_000, 1, 1.0, 4.0)
        return [
            SizingTrial("fixed", 0.5, *common, 6.0, 0.5, 20.0),
            SizingTrial("fixed", 0.8, *common, 12.0, 0.8, 12.0),
            SizingTrial("by lag", 16.0, *common, 19.0, 0.6, 14.0),
        ]

    def test_every_policy_is_in_the_picture(self, tmp_path: Path) -> None:
        """With units on both axes."""
        plot_trials(self.trials(), tmp_path / "p.svg", "One cell")
        text = (tmp_path / "p.svg").read_text(encoding="utf-8")
        for word in (
            "50% full",
            "80% full",
            "lag 16",
            "fixed fleet",
            "scaled by lag",
            "seconds",
            "US dollars",
            "One cell",
        ):
            assert word in text, word

    def test_png(self, tmp_path: Path) -> None:
        """By its suffix."""
        plot_trials(self.trials(), tmp_path / "p.png", "One cell")
        assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


class TestDocument:
    def test_tables_are_what_the_command_says(self) -> None:
        """`python -m ops.sizing.document` was run after the last change of figures or arithmetic."""
        assert with_tables(TEXT, tables(load_profile(None))) == TEXT

    def test_a_changed_figure_would_show(self) -> None:
        """The test above can fail."""
        assert with_tables(TEXT, {"figures": "| changed |"}) != TEXT

    def test_a_missing_mark_is_an_error(self) -> None:
        """Rather than a table that is never written."""
        with pytest.raises(ValueError, match="no mark"):
            with_tables("# Size", {"examples": ""})

    def test_its_commands_work(self) -> None:
        """Options that are named are there, and so are figures that are set or named."""
        lines = re.findall(r"vidsignal size [^`\n]*", TEXT)
        options = set(re.findall(r"--[a-z0-9-]+", call("--help").output))
        assert set(re.findall(r"--[a-z0-9-]+", " ".join(lines))) <= options
        assert set(re.findall(r"--set (\w+)=", TEXT)) <= set(FIGURES)


def test_lag_rules_are_those_of_the_manifest() -> None:
    """What is simulated is what is deployed."""
    manifest = (REPOSITORY / "ops/kubernetes/base/scaling.yaml").read_text(encoding="utf-8").split("---")[0]
    scaling = ByLag(1.0, least=1, most=1)
    assert f"pollingInterval: {scaling.poll_seconds:g}" in manifest
    assert f"value: {100 * (scaling.up_ratio - 1):g}, periodSeconds: {scaling.up_period_seconds:g}" in manifest
    assert f"value: {100 * (1 - scaling.down_ratio):g}, periodSeconds: {scaling.down_period_seconds:g}" in manifest
    assert f"stabilizationWindowSeconds: {scaling.stabilisation_seconds:g}" in manifest
    deployed = re.search(r'lagThreshold: "(\d+)"', manifest)
    assert deployed is not None
    assert float(deployed[1]) in LAG_THRESHOLDS
