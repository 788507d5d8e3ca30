"""A number and its noun agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from schemas.counted import counted

ROOT: Final = Path(__file__).parents[3]
WRITTEN: Final = re.compile(r"^ (videos|records|dead letters|rules|findings|features|embeddings|facts|decodes)\b(?!/s)")
"""Nouns that follow a number in what commands print."""
OF_MANY: Final = {"ops/sizing", "ops/bench"}
"""Plans and benchmarks, whose numbers are never one."""


@pytest.mark.parametrize(("number", "words"), [(0, "0 videos"), (1, "1 video"), (2_000, "2,000 videos")])
def test_one_is_singular(number: int, words: str) -> None:
    """All others are plural, none too."""
    assert counted(number, "video") == words


def test_an_irregular_plural() -> None:
    """It is named."""
    found = [counted(number, "modality", "modalities") for number in (1, 2)]
    assert found == ["1 modality", "2 modalities"]


def test_commands_print_no_number_before_a_fixed_plural() -> None:
    """`1 videos` cannot be printed: a number before such a noun is written by `counted`."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "ops").rglob("*.py"))
        if str(path.relative_to(ROOT).parent) not in OF_MANY
        for line in fixed_plurals(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def fixed_plurals(source: str) -> list[int]:
    """Return the lines of f-strings with a value right before one of the nouns."""
    return [
        text.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.JoinedStr)
        for value, text in zip(node.values, node.values[1:], strict=False)
        if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant) and WRITTEN.match(str(text.value))
    ]


def test_the_search_finds_one() -> None:
    """It is no check that cannot fail."""
    assert fixed_plurals('f"{number} videos in it"\nf"{a} of b"') == [1]
