"""An id that begins with a dash: every command that takes one says how it is named."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ops.cli.main import app

COMMANDS = (
    "show",
    "watch",
    "forget",
    "review",
    "similar",
    "engagement publish",
    "dead-letters show",
    "reprocess status",
)
"""Of each group one, and all of the first level."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("video_id", ["-dashid", "--video-1", "-5"])
def test_is_told_of_two_dashes(command: str, video_id: str) -> None:
    """Exit code 2, and the line to type."""
    ended = CliRunner().invoke(app, [*command.split(), video_id], prog_name="vidsignal")
    assert ended.exit_code == 2
    assert f"vidsignal {command} -- {video_id}" in " ".join(ended.stderr.split())


def test_a_wrong_option_next_to_an_id_is_only_that() -> None:
    """Anyone who named an id already did not mean another one."""
    ended = CliRunner().invoke(app, ["show", "v-1", "--jsn"], prog_name="vidsignal")
    assert "--json" in ended.stderr
    assert "two dashes" not in ended.stderr


def test_a_command_without_ids_says_nothing_of_them() -> None:
    """As there is nothing to put behind two dashes."""
    ended = CliRunner().invoke(app, ["doctor", "--all"], prog_name="vidsignal")
    assert ended.exit_code == 2
    assert "two dashes" not in ended.stderr
