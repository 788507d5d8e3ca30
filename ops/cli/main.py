"""`vidsignal`: the command line. Each command is one file, which is imported when the command is chosen."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ops.cli.exit_codes import ExitCode
from ops.cli.lazy_group import LazyGroup

app = typer.Typer(
    name="vidsignal",
    cls=LazyGroup,
    help="Uploaded videos become moderation and recommendation signals, on Kafka and Redis.",
    epilog="Exit codes: 0 done; 1 done, and something wrong was found; 2 wrong arguments or settings; "
    "3 a broker, a store or a package index is unavailable; 130 interrupted. "
    "Settings come from VIDSIGNAL_... and vidsignal.toml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # laying out help with rich takes as much CPU time again
)


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"vidsignal {installed_version('vidsignal')}")
        raise typer.Exit


def _not_text(words: list[str]) -> str | None:
    """Return the first word that can be neither an id nor anything else but a file's name."""
    return next((word for word in words if not _is_text(word) and not os.path.lexists(word)), None)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def main() -> None:
    """Entry point of the console script."""
    if (wrong := _not_text(sys.argv[1:])) is not None:
        sys.stderr.write(f"vidsignal: {os.fsencode(wrong)!r} is not UTF-8, and no file of that name exists\n")
        sys.exit(ExitCode.USAGE)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
