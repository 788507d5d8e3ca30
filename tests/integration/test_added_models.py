"""Models that somebody adds, from card to verdict: the page of the documents, typed in a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.documents import DOCS, fenced_blocks

pytestmark = pytest.mark.integration

PAGE = DOCS["models.md"]
LABEL = "violence/weapons/blade-visible"
CLIP = "bigbuckbunny.mp4"


class Shell:
    """Lines of the page, with folders of the test in place of the reader's."""

    def __init__(self, folder: Path, samples: Path) -> None:
        self.folder = folder
        self.samples = samples
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "VIDSIGNAL_LOG_LEVEL": "error"}

    def meant(self, text: str) -> str:
        text = text.replace("~/.cache/vidsignal/samples", str(self.samples))
        return text.replace("~/vidsignal-models", str(self.folder / "models"))

    def python(self, block: str) -> None:
        self.run([sys.executable, "-c", self.meant(block)])

    def sh(self, block: str) -> dict[str, str]:
        """Output by line; `export` holds for what follows."""
        said = {}
        for line in block.splitlines():
            if line.startswith("export "):
                name, _, value = self.meant(line).removeprefix("export ").partition("=")
                self.environment[name] = value
            else:
                said[line] = self.run(["bash", "-ec", self.meant(line)])
        return said

    def run(self, command: list[str]) -> str:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environment, cwd=self.folder, timeout=600
        )
        assert ended.returncode == 0, f"{command[-1]}: {ended.stderr}"
        return ended.stdout


@pytest.fixture(scope="module")
def typed(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that the page's lines print."""
    shell = Shell(tmp_path_factory.mktemp("reader"), samples)
    said: dict[str, str] = {}
    for language, block in fenced_blocks(PAGE):
        if language == "python":
            shell.python(block)
        elif language == "sh":
            said |= shell.sh(block)
    return said


def said_by(typed: dict[str, str], start: str) -> str:
    return next(said for line, said in typed.items() if line.startswith(start))


def evidence(typed: dict[str, str]) -> dict[str, Any]:
    outcome = json.loads(said_by(typed, "vidsignal analyze"))
    return next(label for label in outcome["verdict"]["labels"] if label["label"] == LABEL)


class TestThePage:
    def test_check_says_what_the_model_answers(self, typed: dict[str, str]) -> None:
        """Its fingerprint, its outputs, and the labels that it means."""
        said = said_by(typed, "vidsignal models check")
        assert "output scores: 2" in said
        assert f"label {LABEL} by 'bright'" in said

    def test_verify_and_coverage_know_it(self, typed: dict[str, str]) -> None:
        """Like the product's own."""
        assert "ok   bright" in said_by(typed, "vidsignal models verify")
        assert "bright" in said_by(typed, "vidsignal models coverage")

    def test_the_verdict_names_it(self, typed: dict[str, str]) -> None:
        """The label that it alone produces has its score and its name, with places in time."""
        found = evidence(typed)
        assert found["model"] == "bright@1.0.0"
        assert found["score"] > 0.9
        assert found["segments"]
