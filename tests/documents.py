"""README.md, ARCHITECTURE.md and the pages of `docs` as tests read them: sections, code blocks, tables, quotations."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")

DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "docs").glob("*.md"))}
"""The pages of `docs` by name."""

_BLOCK = re.compile(r"^ *```([\w{}]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_WORDS = re.compile(r"`([^`\n]+)`")


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"no heading {heading!r}"
    return rest.partition("\n## ")[0]


def code_blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [block for found, block in fenced_blocks(text) if found == language]


def fenced_blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of every fenced block, in order, also of those within lists."""
    return [(language, dedent(block)) for language, block in _BLOCK.findall(text)]


def quoted(text: str) -> list[str]:
    """Everything in single backticks outside of fenced blocks."""
    return _WORDS.findall(_BLOCK.sub("", text))


def table(text: str) -> list[list[str]]:
    """Cells of the only table of a section, without its head; a cell that is one quotation loses its backticks."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[bare(cell.strip()) for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def bare(cell: str) -> str:
    """A cell without its backticks, where it is one quotation."""
    found = _WORDS.fullmatch(cell)
    return found.group(1) if found else cell
