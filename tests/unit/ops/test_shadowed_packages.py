"""The five packages have common names: no folder of the working directory may take their place in a child process."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ops.doctor.probe_process import ProbeFailed, ask_process
from tests.documents import REPOSITORY
from tests.packages import PACKAGES, modules_of

FROM_PACKAGE_ROOT = {"operators/media/decoder_client.py"}
"""Starts its processes in the folder of the packages, whatever the working directory is."""


def module_commands(path: Path) -> list[ast.List | ast.Tuple]:
    """Literal command lines in a file that run a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    literals = [node for node in ast.walk(tree) if isinstance(node, ast.List | ast.Tuple)]
    return [node for node in literals if "-m" in words_of(node) and "executable" in ast.unparse(node)]


def words_of(node: ast.List | ast.Tuple) -> list[object]:
    """Its constants, in order."""
    return [element.value for element in node.elts if isinstance(element, ast.Constant)]


def test_no_child_imports_from_the_working_directory() -> None:
    """Each `-m` follows a `-P`: without it, Python looks into the working directory first."""
    found = [
        (str(path.relative_to(REPOSITORY)), words_of(node)) for path in modules_of() for node in module_commands(path)
    ]
    assert len(found) > 5
    unsafe = [name for name, words in found if words[words.index("-m") - 1] != "-P" and name not in FROM_PACKAGE_ROOT]
    assert unsafe == []


def test_probes_of_containers() -> None:
    """The health checks of image and Compose file do not either."""
    for name in ("Dockerfile", "docker-compose.yml"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        assert re.findall(r'"python", "(\S+)", .*ops\.health_check', text) == ["-P"], name


def test_a_folder_of_the_same_name_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that starts a child finds our packages, whatever is in the working directory."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProbeFailed, match=r"No module named ops\.doctor\.nowhere"):
        ask_process("ops.doctor.nowhere", timeout_seconds=60)
