"""A progress bar for fetching weights and samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress as Bars

from ops.assets.progress import DownloadProgress


@contextmanager
def asset_progress(console: Console) -> Iterator[DownloadProgress]:
    """Yield the progress callback of a fetch; the bar is removed at the end."""
    with Bars(console=console, transient=True) as bars:
        task = bars.add_task("fetching", total=None)

        def advance(step: str, num_done: int, num_total: int, num_bytes: int = 0) -> None:
            size = f"  {decimal(num_bytes)}" if num_bytes else ""
            words = f"fetching {step}{size}".strip()
            bars.update(task, description=words, completed=num_done, total=max(num_total, 1))

        yield advance
