"""A progress bar on a terminal; none if standard error is a file, or the output is for scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ops.cli.console import err


@contextmanager
def counting(words: str, total: int, *, is_quiet: bool) -> Iterator[Callable[[], None]]:
    """Yield a function to call for each finished item; the bar is removed at the end.

    Args:
        words: what is being done.
        total: number of items.
        is_quiet: show no bar even on a terminal.
    """
    if is_quiet or total < 2 or not err.stream.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err.rich, transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda: bar.advance(task)
