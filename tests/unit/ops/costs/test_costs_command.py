"""`vidsignal costs` refuses what it cannot do before it reads a log."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--plot", "costs.pdf"), ".png or .svg"),
            (("--since", "yesterday"), "30m, 24h or 7d"),
            (("--by", "colour"), "market"),
            (("--rate", "-1"), "--rate"),
        ],
    )
    def test_says_what_is_allowed(self, words: tuple[str, ...], told: str) -> None:
        """A wrong argument costs no reading, and the message names what would do."""
        answer = CliRunner().invoke(app, ["costs", *words], env={"COLUMNS": "400"})
        assert answer.exit_code == ExitCode.USAGE
        assert told in " ".join(answer.output.split())
