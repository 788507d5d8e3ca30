"""What `vidsignal reprocess` refuses before it asks anybody, and how it spells what was asked."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from ops.cli.main import app
from ops.cli.spaces import reprocess_command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say since when"),
        (("--since", "yesterday"), "'yesterday' is no time; write 2026-11-01"),
        (("--since", "2026-11-01", "--until", "soon"), "'soon' is no time"),
        (("--since", "2026-11-01", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], said: str) -> None:
    """With the usage code, quoting what was wrong."""
    ended = CliRunner().invoke(app, ["reprocess", *words])
    assert ended.exit_code == 2
    assert said in " ".join(re.sub(r"\x1b\[[0-9;]*m", "", ended.output).split())


def test_a_migration_names_the_command() -> None:
    """As far back as uploads are kept, for what the new space lacks."""
    assert re.fullmatch(
        r"vidsignal reprocess --since \d{4}-\d\d-\d\d --space efficientnet-lite0/1280",
        reprocess_command("efficientnet-lite0/1280"),
    )
