"""The page about the chaos names what there is, and no more; the judge reads nothing through the product."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.chaos.faults.registry import FAULTS
from tests.chaos.judge.violations import SEVERITIES
from tests.documents import DOCS, section, table
from tests.packages import PACKAGES

PAGE = DOCS["chaos.md"]
JUDGE = Path(__file__).parent / "judge"


def test_every_kind_of_fault_is_named() -> None:
    """Once each, in the table."""
    named = [name.strip("` ") for row in table(section(PAGE, "Faults")) for name in row[0].split(",")]
    assert sorted(named) == sorted(FAULTS)


def test_every_severity_is_named() -> None:
    """In the order of the report."""
    assert [row[0] for row in table(section(PAGE, "The judge"))] == list(SEVERITIES)


def test_the_judge_knows_no_product_code() -> None:
    """Nothing of ours is imported below its folder but the judge itself."""
    for path in JUDGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] in (*PACKAGES, "tests")]
            assert [name for name in ours if not name.startswith("tests.chaos.judge")] == [], path.name
