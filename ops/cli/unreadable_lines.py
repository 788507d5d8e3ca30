"""What commands say of records that they passed over."""

from __future__ import annotations

import typer

from ops.cli.console import err
from ops.cli.exit_codes import ExitCode
from streams.kafka.unreadable import UnreadableRecords


def tell_unreadable(unreadable: UnreadableRecords) -> None:
    """Name what was passed over, on standard error."""
    for line in unreadable.lines():
        err.print(line, markup=False, soft_wrap=True)


def end(unreadable: UnreadableRecords, *, is_found: bool = False) -> None:
    """Name what was passed over, and end with exit code 1 where there was anything, or something else was found."""
    tell_unreadable(unreadable)
    if unreadable.number or is_found:
        raise typer.Exit(ExitCode.FOUND)
