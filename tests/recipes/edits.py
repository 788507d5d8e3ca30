"""A recipe of ARCHITECTURE.md as it can be carried out: what each of its steps writes, on a copy of the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.documents import ARCHITECTURE, REPOSITORY, quoted, section

Change = Callable[[str], str]
"""From a file's text to another."""
_FILE: Final = re.compile(r"(?:schemas|models|operators|streams|ops|tests|docs)/[\w./-]+\.\w+|pyproject\.toml")
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv", ".*cache", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info"
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One example of a recipe."""

    what: str
    """As in the heading `Where to add ...`."""
    new_files: Mapping[int, Mapping[str, str]]
    """By step, text by path."""
    changes: Mapping[int, Mapping[str, Change]]
    """By step, what is done to files that are there."""
    not_needed: Mapping[int, str] = field(default_factory=dict)
    """Steps that the example has no use for, and why."""
    only_read: frozenset[str] = frozenset()
    """Files that steps refer to, and nobody edits."""

    def steps(self) -> dict[int, str]:
        """The recipe's text by step."""
        text = section(ARCHITECTURE, f"Where to add {self.what}")
        found = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", text, re.MULTILINE | re.DOTALL)
        return {int(number): step for number, step in found}

    def files_named(self, step: int) -> set[str]:
        """Files that a step tells to edit."""
        words = {word for quote in quoted(self.steps()[step]) if not _is_command(quote) for word in quote.split()}
        return {word for word in words if _FILE.fullmatch(word)} - self.only_read

    def commands(self) -> list[list[str]]:
        """What the steps tell to run, in order."""
        told = [quote for step in self.steps().values() for quote in quoted(step) if _is_command(quote)]
        return [_command(quote) for quote in told]

    def carry_out(self, tree: Path) -> None:
        """Write what the steps say into a copy of the tree; fails where a file is not as the example expects."""
        for files in self.new_files.values():
            for path, text in files.items():
                (tree / path).parent.mkdir(exist_ok=True)
                (tree / path).write_text(text, encoding="utf-8")
        for changes in self.changes.values():
            for path, change in changes.items():
                (tree / path).write_text(change((tree / path).read_text(encoding="utf-8")), encoding="utf-8")

    def run(self, tree: Path, *, without: str = "") -> str:
        """Run the recipe's own commands there, the first that fails being the last; return what that one said.

        Args:
            tree: where.
            without: paths with this in them are left out of the commands.
        """
        for command in self.commands():
            words = [word for word in command if not without or without not in word]
            ended = subprocess.run(words, cwd=tree, capture_output=True, text=True, check=False)
            if ended.returncode:
                return f"{' '.join(words)}\n{ended.stdout}\n{ended.stderr}"
        return ""


def copied_tree(target: Path) -> Path:
    """The repository without what git does not hold."""
    shutil.copytree(REPOSITORY, target, ignore=_LEFT_OUT, symlinks=True)
    return target


def after(part: str, text: str) -> Change:
    """Insert lines behind the first line that contains `part`."""
    return lambda whole: _inserted(whole, part, text, offset=1)


def before(part: str, text: str) -> Change:
    """Insert lines in front of the first line that contains `part`."""
    return lambda whole: _inserted(whole, part, text, offset=0)


def replaced(old: str, new: str) -> Change:
    """Put one text in place of another, the first time that it occurs."""

    def change(whole: str) -> str:
        assert old in whole, f"the example expects {old!r}; adapt it, and look whether its recipe is still true"
        return whole.replace(old, new, 1)

    return change


def several(*changes: Change) -> Change:
    """One after another."""

    def change(whole: str) -> str:
        for each in changes:
            whole = each(whole)
        return whole

    return change


def _inserted(whole: str, part: str, text: str, offset: int) -> str:
    lines = whole.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if part in line]
    assert places, f"the example expects a line with {part!r}; adapt it, and look whether its recipe is still true"
    lines.insert(places[0] + offset, text if text.endswith("\n") else f"{text}\n")
    return "".join(lines)


def _is_command(quote: str) -> bool:
    return quote.startswith(("pytest ", "python -m ", "lint-imports"))


def _command(quote: str) -> list[str]:
    words = quote.split()
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    if words[0] == "lint-imports":
        return [str(Path(sys.executable).with_name(words[0]))]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *words[1:]]
