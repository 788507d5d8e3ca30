"""Text about records that were skipped."""

from __future__ import annotations

import typer

from ops.cli.console import err
from ops.cli.exit_codes import ExitCode
from streams.kafka.unreadable import UnreadableRecords


def tell_unreadable(unreadable: UnreadableRecords) -> None:
    """Print skipped records on standard error."""
    for line in unreadable.lines():
        err.print(line, markup=False, soft_wrap=True)


def end(unreadable: UnreadableRecords, *, is_found: bool = False) -> None:
    """Print skipped records, and exit with code 1 if there were any, or something else was found."""
    tell_unreadable(unreadable)
    if unreadable.number or is_found:
        raise typer.Exit(ExitCode.FOUND)
