"""Each message at warning or above has a row in the runbook of log messages, with its level."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.documents import DOCS
from tests.packages import modules_of

_LEVELS = {"warning": "warning", "error": "error", "exception": "error", "critical": "critical"}
_LOGGERS = ("_log", "logger", "_logger")
_PACKAGES = ("schemas", "models", "operators", "streams")


def messages() -> dict[str, str]:
    """Every message of a worker's code at warning or above, with its level."""
    found: dict[str, str] = {}
    for path in modules_of(*_PACKAGES):
        found |= dict(_messages_of(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _messages_of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
            owner = node.func.value.func if isinstance(node.func.value, ast.Call) else node.func.value
            if isinstance(owner, ast.Name) and owner.id in _LOGGERS:
                text = node.args[0]
                assert isinstance(text, ast.Constant), f"line {node.lineno}: a message is one literal"
                yield text.value, _LEVELS[node.func.attr]


def rows() -> list[list[str]]:
    """Cells of every row of the page; a message is in backticks, whatever it holds."""
    lines = [line for line in DOCS["log-messages.md"].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_message_has_its_row() -> None:
    """Message and level are those of the code, once each, and the page lists no message that is gone."""
    listed = [(row[0].removeprefix("`").removesuffix("`"), row[1]) for row in rows()]
    assert sorted(listed) == sorted(messages().items())


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    """No cell is empty."""
    assert [row for row in rows() if len(row) != 4 or not all(row)] == []


def test_messages_read_as_an_operator_searches() -> None:
    """In lower case, without a full stop, and no longer than a line unless they say what to do."""
    for message in messages():
        assert message[:1].islower() and not message.endswith("."), message
