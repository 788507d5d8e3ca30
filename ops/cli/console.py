"""Output of commands: tables and progress for people, JSON lines for scripts, one line for a failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec
import typer

from ops.cli.exit_codes import ExitCode
from ops.cli.lines import Lines
from streams.config.settings import InvalidSettings, Settings, read_settings
from streams.config.unknown_variables import unknown_variables

out = Lines(is_error=False)
"""Results."""
err = Lines(is_error=True)
"""Progress and errors, so that results can be piped."""


def print_json(value: Any) -> None:
    """Print one JSON document on one line of standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def fail(message: str, code: ExitCode) -> NoReturn:
    """Print the reason on standard error and exit with a code."""
    err.problem("vidsignal:", f" {message}")
    raise typer.Exit(code)


def logs_to_stderr() -> None:
    """Send logs to standard error, separate from the command's output. A worker configures its logs itself."""
    import structlog  # the import takes a third of a second, which commands without logs save

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def settings_or_exit(**overrides: object) -> Settings:
    """Read settings, or exit with the usage code and one line per wrong setting; logs go to standard error."""
    logs_to_stderr()
    return quiet_settings_or_exit(**overrides)


def quiet_settings_or_exit(**overrides: object) -> Settings:
    """The same for a command that logs nothing."""
    for line in unknown_variables():
        err.print(f"vidsignal: warning: {line}", markup=False)
    try:
        return read_settings(**overrides)
    except InvalidSettings as error:
        fail(str(error), ExitCode.USAGE)


@contextmanager
def clean_interrupt() -> Iterator[None]:
    """Turn Ctrl-C into the conventional exit code, after the block has cleaned up."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
