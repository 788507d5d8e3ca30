"""Where `bench inference` looks for the other competitors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ops.bench.inference.competitor_names import PACKAGES
from ops.bench.inference.environment import find_competitors


class TestFindCompetitors:
    def test_says_which_are_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A competitor without its package is not among them; nothing is imported to find out."""
        monkeypatch.setitem(PACKAGES, "litserve", "numpy")
        monkeypatch.setitem(PACKAGES, "pytriton", "no-such-package")
        found = find_competitors(None)
        assert (found.python, list(found.versions)) == (sys.executable, ["litserve"])

    def test_refuses_a_folder_without_an_interpreter(self, tmp_path: Path) -> None:
        """The message names the option."""
        with pytest.raises(ValueError, match="--competitors must be a virtual environment"):
            find_competitors(tmp_path)

    def test_its_processes_find_this_product_last(self, tmp_path: Path) -> None:
        """Packages of the environment come first, because a competitor may want other versions."""
        variables = find_competitors(None).variables(tmp_path)
        told = subprocess.run(
            [sys.executable, "-P", "-c", "import ops, sys; print(sys.path[-1])"],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert (Path(told.stdout.strip()) / "ops").is_dir()
