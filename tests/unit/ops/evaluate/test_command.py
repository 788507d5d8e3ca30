"""`vidsignal evaluate`: what is asked for wrongly is told before anything is measured."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from ops.assets.cache import default_cache_dir
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from ops.evaluate.set_registry import SETS


def evaluate(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *words], env=environment)


class TestList:
    def test_names_every_set(self) -> None:
        """With its description, what it measures and, where it has some, the methods next to it."""
        said = evaluate("--list").stdout
        for found in SETS.values():
            assert found.name in said and found.description in said
            assert all(subject.name in said for subject in found.subjects)

    def test_as_json(self) -> None:
        """The same for scripts."""
        sets = msgspec.json.decode(evaluate("--list", "--json").stdout)
        assert [(each["set"], each["version"]) for each in sets] == [
            (each.name, each.version) for each in SETS.values()
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["harmless-picture"], "did you mean 'harmless-pictures'"),
        (["--label", "sexual/explicit/nudity"], "--label goes with --data"),
        (["--data", "labels.json"], "ends in .csv or .parquet"),
        (["--data", "gone.csv"], "cannot be read as CSV"),
        (["harmless-pictures", "--data", "gone.csv"], "allowed with --data: none"),
        (["harmless-pictures", "--out", "no-such-folder"], "allowed: a folder that exists"),
        (["harmless-pictures", "--seed", "-1"], "--seed"),
        (["harmless-pictures", "--review-load", "2"], "--review-load"),
    ],
)
def test_what_is_wrong(words: list[str], said: str) -> None:
    """Exit code 2, and what is allowed."""
    ended = evaluate(*words)
    assert ended.exit_code == ExitCode.USAGE
    assert said in " ".join(ended.stderr.split())


def test_methods_that_are_not_installed(tmp_path: Path) -> None:
    """They are named, so that nobody takes a table without them for a comparison."""
    probed = str(default_cache_dir() / "compiled")
    ended = evaluate("shots", "--compare", VIDSIGNAL_CACHE_DIR=str(tmp_path), VIDSIGNAL_COMPILED_DIR=probed)

    assert ("PySceneDetect AdaptiveDetector is not installed" in ended.stderr) is (find_spec("scenedetect") is None)


def test_a_set_without_its_data(tmp_path: Path) -> None:
    """It is not measured, which is said, and is no success; no table of zeros is printed."""
    probed = str(default_cache_dir() / "compiled")  # what is known of this processor is not found out again
    ended = evaluate("harmless-pictures", VIDSIGNAL_CACHE_DIR=str(tmp_path), VIDSIGNAL_COMPILED_DIR=probed)
    assert ended.exit_code == ExitCode.FOUND
    assert "harmless-pictures is not measured: the files of" in " ".join(ended.stderr.split())
    assert ended.stdout == ""
