"""An id that begins with a dash, such as `-dashid`, is parsed as an option; the error explains how to pass it."""

from __future__ import annotations

from typing import Any


def explain(error: Any, given: list[str]) -> None:
    """Add to an error about an unknown option how to pass an id.

    Args:
        error: typer's; its context is that of the command.
        given: the words after the group's name.
    """
    takes_id = any(_is_id(parameter) for parameter in error.ctx.command.params)
    word = next((word for word in given if word.startswith(error.option_name)), error.option_name)
    is_typing_error = bool(error.possibilities) and any(not word.startswith("-") for word in given[1:])
    if takes_id and not is_typing_error:
        usage = f"{error.ctx.command_path} -- {word}"
        error.message = f"{error.message}. If {word} is an id, put it behind two dashes, after all options: {usage}"


def _is_id(parameter: Any) -> bool:
    name = str(parameter.name)
    return parameter.param_type_name == "argument" and name.endswith(("_id", "_ids"))
