"""Parses text and plain numbers on the command line without pydantic, which typer uses for all values.

Typer creates a pydantic adapter for every parameter that is no flag, also for those that were not given, and importing
pydantic takes as much CPU time as all the rest of a small command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_PLAIN: Final = {int: re.compile(r"-?[0-9]{1,15}"), float: re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")}
"""Numbers with only one interpretation; other spellings are left to typer."""


class LateCoercion:
    """Replaces a parameter's adapter, and creates the real one when there is something to validate.

    Args:
        build: typer's function that creates the adapter.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    def __call__(self) -> LateCoercion:
        """Return itself, in place of typer's factory."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a value in the type of the command's function; raises typer's error for an invalid one."""
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        if value is param.default and not isinstance(value, str):
            return value  # already of the right type
        if param.type_descriptor.annotation is str and isinstance(value, str) and not is_list:
            return value
        if not is_list and (number := _plain_number(value, param.type_descriptor)) is not None:
            return number
        return self._build().coerce(value, param=param, ctx=ctx)


def _plain_number(value: Any, descriptor: Any) -> float | None:
    """Return the number; None if it has another spelling, or is out of range, for which typer has the better
    message."""
    kind, info = descriptor.annotation, descriptor.parameter_info
    if kind not in _PLAIN or info.parser or not isinstance(value, str) or not _PLAIN[kind].fullmatch(value):
        return None
    number: float = kind(value)
    is_low = info.min is not None and number < info.min
    return None if is_low or (info.max is not None and number > info.max) else number


def coerce_late(command: Any) -> Any:
    """Make a command, or each of a group, create adapters late; returns the same object."""
    its_parameters = command.get_params
    command.get_params = lambda ctx: late_parameters(its_parameters(ctx))
    for inner in getattr(command, "commands", {}).values():
        coerce_late(inner)
    return command


def late_parameters(parameters: list[Any]) -> list[Any]:
    """Return the same parameters, each with a late adapter; may be applied twice."""
    for parameter in parameters:
        if not isinstance(parameter.get_runtime_param, LateCoercion):
            parameter.get_runtime_param = LateCoercion(parameter.get_runtime_param)
    return parameters
