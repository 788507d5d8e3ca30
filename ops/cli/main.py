"""`vidsignal`: the command line. Each command is one file, which is imported when its command is chosen."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.cli.lazy_group import LazyGroup

app = typer.Typer(
    name="vidsignal",
    cls=LazyGroup,
    help="Uploaded videos become moderation and recommendation signals, on Kafka and Redis.",
    epilog="Exit codes: 0 done; 1 done, and something wrong was found; 2 wrong arguments or settings; "
    "3 a broker, a store or a package index is away; 130 interrupted. "
    "Settings come from VIDSIGNAL_... and vidsignal.toml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help that is laid out by rich takes as much CPU time again
)


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"vidsignal {installed_version('vidsignal')}")
        raise typer.Exit


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
