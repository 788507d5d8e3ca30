"""Lines on a terminal: plain ones are written without rich, which is imported only for layout.

Plain lines cannot control the terminal: much of their content is from senders, such as the reason of a deletion.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TextIO

import typer

from streams.dead_letters.plain_text import steering_nothing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDEST = 10_000
"""Characters; no table is as wide."""


class Lines:
    """Standard output or standard error; rich is imported for the first markup, table or progress bar.

    Args:
        is_error: whether lines go to standard error.
    """

    def __init__(self, *, is_error: bool) -> None:
        self._is_error = is_error

    @property
    def stream(self) -> TextIO:
        """The stream, looked up each time, because tests and pagers replace it."""
        return sys.stderr if self._is_error else sys.stdout

    @cached_property
    def rich(self) -> Console:
        """Return a rich console for tables and bars."""
        from rich.console import Console

        return Console(stderr=self._is_error, highlight=False, emoji=False)

    def print(self, *parts: object, **options: Any) -> None:
        """Write as rich's console does; text without markup is never wrapped, and does not need rich."""
        is_marked = options.get("markup", True) and any("[" in str(part) for part in parts)
        if (
            is_marked
            or options.keys() - {"markup", "soft_wrap", "end"}
            or not all(isinstance(each, str) for each in parts)
        ):
            self.rich.print(*parts, **options)
        else:
            print(*(steering_nothing(str(part)) for part in parts), end=options.get("end", "\n"), file=self.stream)

    def table(self, table: Table) -> None:
        """Write a table: text is wrapped between words to a terminal's width; no word, such as an id, is cut."""
        from rich.console import Console

        _keep_words(table, self.rich)
        room = table.__rich_measure__(self.rich, self.rich.options.update(max_width=_WIDEST))
        width = max(self.rich.width, room.minimum) if self.rich.is_terminal else room.maximum
        Console(stderr=self._is_error, highlight=False, emoji=False, width=width).print(table, crop=False)

    def fitted(self, text: str, bold: str = "") -> None:
        """Write a line; on a terminal a long line is wrapped between words, and indented."""
        text, bold = steering_nothing(text), steering_nothing(bold)
        for line in self._folded(bold + text):
            typer.echo(_bold(line, bold), err=self._is_error, color=_color())
            bold = ""

    def _folded(self, text: str) -> list[str]:
        if not self.stream.isatty():
            return [text]
        indent = " " * (len(text) - len(text.lstrip()))
        return wrap(
            text, get_terminal_size().columns, initial_indent=indent, subsequent_indent=f"{indent}    ",
            break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
        ) or [text]  # fmt: skip

    def heading(self, text: str, rest: str = "") -> None:
        """Write a line that begins in bold on a terminal, wrapped to its width."""
        self.fitted(rest, bold=text)

    def problem(self, text: str, rest: str) -> None:
        """Write a line that begins in bold red on a terminal."""
        beginning = typer.style(text, bold=True, fg=typer.colors.RED)
        typer.echo(beginning + steering_nothing(rest), err=self._is_error, color=_color())


def _keep_words(table: Table, console: Console) -> None:
    """Let no column become narrower than its longest word."""
    from rich.measure import Measurement

    options = console.options.update(max_width=_WIDEST)
    for column in table.columns:
        longest = [Measurement.get(console, options, cell) for cell in (column.header, *column.cells)]
        column.min_width = max(each.minimum for each in longest)
        column.no_wrap = all(each.minimum == each.maximum for each in longest)


def _bold(line: str, beginning: str) -> str:
    return typer.style(beginning, bold=True) + line.removeprefix(beginning) if beginning else line


def _color() -> bool | None:
    """Return None to let the stream decide: colours on a terminal only."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
