"""How commands speak: tables and progress for people, JSON lines for scripts, one line for a failure."""

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

out = Lines(is_error=False)
"""Results."""
err = Lines(is_error=True)
"""Progress and complaints, so that results can be piped."""


def print_json(value: Any) -> None:
    """One JSON document on one line of standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def fail(message: str, code: ExitCode) -> NoReturn:
    """Print why on standard error and leave with a code."""
    err.problem("vidsignal:", f" {message}")
    raise typer.Exit(code)


def logs_to_stderr() -> None:
    """Keep logs of what a command calls apart from its answer. A worker has its own way with logs."""
    import structlog  # takes a third of a second, which commands that log nothing save

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def settings_or_exit(**overrides: object) -> Settings:
    """Read settings, or leave with the usage code and one line per wrong setting; logs go to standard error."""
    logs_to_stderr()
    return quiet_settings_or_exit(**overrides)


def quiet_settings_or_exit(**overrides: object) -> Settings:
    """The same for a command that calls nothing that logs."""
    try:
        return read_settings(**overrides)
    except InvalidSettings as error:
        fail(str(error), ExitCode.USAGE)


@contextmanager
def clean_interrupt() -> Iterator[None]:
    """Turn Ctrl-C into the conventional exit code, after the block's own clean-up ran."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
