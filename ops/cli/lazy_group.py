"""A group of commands that imports only the chosen one: most of a command's CPU time would be imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer._click.exceptions import NoSuchOption
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from ops.cli import dashed_ids
from ops.cli.command_table import COMMANDS, function_of, module_of
from ops.cli.late_coercion import coerce_late, late_parameters


class LazyGroup(TyperGroup):
    """Lists commands from the table of their names, for help and completion, and imports the one that runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = ImportedCommands()  # type: ignore[assignment]  # nothing is added to it

    def get_params(self, ctx: Any) -> Any:
        """Return its own options, including those for help and completion."""
        return late_parameters(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  (the signature is typer's)
        """Return names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return what is listed of a command: its name and the first paragraph of its help."""
        line = COMMANDS.get(cmd_name)
        return None if line is None else TyperCommand(cmd_name, help=line, rich_markup_mode=self.rich_markup_mode)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Print names with their complete lines, which typer would cut."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command itself, with all its options."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and self.commands[str(name)], rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error about an option explains how to pass an id that looks like one."""
        given = [*ctx._protected_args, *ctx.args]
        try:
            return super().invoke(ctx)
        except NoSuchOption as error:
            dashed_ids.explain(error, given)
            raise


class ImportedCommands(Mapping[str, Any]):
    """Each command by its name, imported on access."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return _imported(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS


@cache
def _imported(name: str) -> Any:
    module = import_module(module_of(name))
    holder = typer.Typer(rich_markup_mode=None)
    if isinstance(group := getattr(module, "app", None), typer.Typer):
        holder.add_typer(group, name=name)
    else:
        holder.command(name)(getattr(module, function_of(name)))
    return coerce_late(get_group(holder).commands[name])
