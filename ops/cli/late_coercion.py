"""Texts and plain numbers on the command line are read without the validation library that typer has for all values.

Typer makes an adapter of pydantic's for every parameter that is no flag, also for those that were not given, and
importing pydantic takes as much CPU time as all the rest of a small command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_PLAIN: Final = {int: re.compile(r"-?[0-9]{1,15}"), float: re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")}
"""Numbers that can be read in one way only; other spellings are left to typer."""


class LateCoercion:
    """Stands for a parameter's adapter, and asks for it when there is something to validate.

    Args:
        build: typer's own way to the adapter.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    def __call__(self) -> LateCoercion:
        """What typer asks a parameter for."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a value as the command's function takes it; raises typer's error where it is none."""
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        if value is param.default and not isinstance(value, str):
            return value  # ours, and of its type
        if param.type_descriptor.annotation is str and isinstance(value, str) and not is_list:
            return value
        if not is_list and (number := _plain_number(value, param.type_descriptor)) is not None:
            return number
        return self._build().coerce(value, param=param, ctx=ctx)


def _plain_number(value: Any, descriptor: Any) -> float | None:
    """The number that is meant; None where it is spelt otherwise, or out of range, which typer tells best."""
    kind, info = descriptor.annotation, descriptor.parameter_info
    if kind not in _PLAIN or info.parser or not isinstance(value, str) or not _PLAIN[kind].fullmatch(value):
        return None
    number: float = kind(value)
    is_low = info.min is not None and number < info.min
    return None if is_low or (info.max is not None and number > info.max) else number


def coerce_late(command: Any) -> Any:
    """Have a command, or each of a group, ask for adapters late; returns the same."""
    its_parameters = command.get_params
    command.get_params = lambda ctx: late_parameters(its_parameters(ctx))
    for inner in getattr(command, "commands", {}).values():
        coerce_late(inner)
    return command


def late_parameters(parameters: list[Any]) -> list[Any]:
    """The same parameters, each with a late adapter; done twice it is done once."""
    for parameter in parameters:
        if not isinstance(parameter.get_runtime_param, LateCoercion):
            parameter.get_runtime_param = LateCoercion(parameter.get_runtime_param)
    return parameters
