"""A bar for who waits at a terminal; nothing where standard error is a file, or scripts read the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ops.cli.console import err


@contextmanager
def counting(words: str, total: int, *, is_quiet: bool) -> Iterator[Callable[[], None]]:
    """Yield what is to be called for each thing that is done; the bar is gone at the end.

    Args:
        words: what is being done.
        total: how many things there are.
        is_quiet: no bar although there is a terminal.
    """
    if is_quiet or total < 2 or not err.stream.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err.rich, transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda: bar.advance(task)
