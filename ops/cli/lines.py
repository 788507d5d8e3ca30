"""Lines on a terminal: plain ones are written as they are, and only what needs layout waits for rich."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Lines:
    """Standard output or standard error; rich is imported for the first mark-up, table or progress bar.

    Args:
        is_error: whether lines go to standard error.
    """

    def __init__(self, *, is_error: bool) -> None:
        self._is_error = is_error

    @property
    def stream(self) -> TextIO:
        """Where lines go, looked up each time, since tests and pagers exchange it."""
        return sys.stderr if self._is_error else sys.stdout

    @cached_property
    def rich(self) -> Console:
        """The same for tables and bars."""
        from rich.console import Console

        return Console(stderr=self._is_error, highlight=False, emoji=False)

    def print(self, *parts: object, **options: Any) -> None:
        """Write as rich's console does; text without mark-up as it is, never broken and without rich."""
        is_marked = options.get("markup", True) and any("[" in str(part) for part in parts)
        if (
            is_marked
            or options.keys() - {"markup", "soft_wrap", "end"}
            or not all(isinstance(each, str) for each in parts)
        ):
            self.rich.print(*parts, **options)
        else:
            print(*parts, end=options.get("end", "\n"), file=self.stream)

    def heading(self, text: str, rest: str = "") -> None:
        """Write a line that begins in bold on a terminal."""
        typer.echo(typer.style(text, bold=True) + rest, err=self._is_error, color=_color())

    def problem(self, text: str, rest: str) -> None:
        """Write a line that begins in bold red on a terminal."""
        typer.echo(typer.style(text, bold=True, fg=typer.colors.RED) + rest, err=self._is_error, color=_color())


def _color() -> bool | None:
    """None leaves it to the stream: colours on a terminal only."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
