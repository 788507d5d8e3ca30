"""Tables: an identifier is never cut, however narrow the terminal is."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from ops.cli.lines import Lines
from tests.fakes import Terminal

JOB = "20261130-101503-a1b2c3d4e5f6"
LABEL = "hate-and-harassment/abusive-language/severely-toxic-text"
WORDS = "a meaning of several words that may be wrapped between them"


def table() -> Table:
    found = Table("job", "label", "models", "meaning")
    found.add_row(JOB, LABEL, "efficientnet-lite0, yamnet", WORDS)
    return found


@pytest.mark.parametrize("columns", ["20", "80", "110", "150"])
def test_on_a_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is wrapped between words; ids, labels and names stay whole."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    Lines(is_error=False).table(table())
    said = terminal.getvalue()
    for word in (JOB, LABEL, "efficientnet-lite0", "yamnet", *WORDS.split()):
        assert word in said
    assert "…" not in said


def test_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a row, whatever the width is said to be."""
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stdout", pipe)
    monkeypatch.setenv("COLUMNS", "80")
    Lines(is_error=False).table(table())
    rows = [line for line in pipe.getvalue().splitlines() if JOB in line]
    assert len(rows) == 1
    assert LABEL in rows[0] and WORDS in rows[0]
