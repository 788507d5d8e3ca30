"""A progress bar for fetching weights and samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress as Bars

from ops.assets.progress import Progress
from ops.cli.console import err


@contextmanager
def asset_progress() -> Iterator[Progress]:
    """Yield what `ops.assets` tells its steps to; the bar is gone when nothing had to be fetched."""
    with Bars(console=err, transient=True) as bars:
        task = bars.add_task("fetching", total=None)

        def advance(step: str, num_done: int, num_total: int) -> None:
            bars.update(task, description=f"fetching {step}".strip(), completed=num_done, total=max(num_total, 1))

        yield advance
