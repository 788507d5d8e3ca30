"""Lines of documents that are typed into a shell: what they call, and whether the command line knows it."""

from __future__ import annotations

import re
import shlex
from typing import Any

import typer
from typer.core import TyperGroup

from ops.cli.main import app

_CALL = re.compile(r"(?<![\w./-])(?<!-n )vidsignal [a-z][^|;&)]*")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z0-9-]*")


def calls_in(line: str) -> list[str]:
    """Every `vidsignal ...` within a line, also behind `docker compose exec` and the like, without comments."""
    return [call.strip() for call in _CALL.findall(line.partition(" #")[0])]


def command_named(call: str) -> Any:
    """The command that a call names. Raises AssertionError where there is none."""
    command: Any = typer.main.get_command(app)
    for word in shlex.split(call)[1:]:
        if not isinstance(command, TyperGroup) or word.startswith("-") or word not in command.commands:
            break
        command = command.commands[word]
    is_complete = not isinstance(command, TyperGroup) or command.invoke_without_command
    assert is_complete, f"{call!r} names no command"
    return command


def require_known(call: str) -> None:
    """Fail where the command or one of its options does not exist."""
    options = {option for parameter in command_named(call).params for option in parameter.opts}
    unknown = set(_OPTION.findall(call)) - {"--help"} - options
    assert not unknown, f"{call!r} has no {sorted(unknown)}"
