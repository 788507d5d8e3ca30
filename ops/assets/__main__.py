"""`python -m ops.assets`: fetch all weights and sample clips, with a bar for each."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from ops.assets import AssetUnavailable, default_cache_dir, fetch_samples, fetch_weights
from ops.assets.progress import Progress


def main() -> int:
    """Fetch into the default cache.

    Returns:
        Exit status: 0, or 1 when something could not be had.
    """
    cache_dir = default_cache_dir()
    console = Console(stderr=True)
    try:
        with Bars(console=console) as bars:
            fetch_weights(cache_dir, _bar(bars, "weights"))
            fetch_samples(cache_dir, _bar(bars, "samples"))
    except AssetUnavailable as error:
        console.print(str(error), style="red", markup=False)
        return 1
    console.print(f"all in place under {cache_dir}")
    return 0


def _bar(bars: Bars, what: str) -> Progress:
    task: TaskID = bars.add_task(what, total=None)

    def advance(step: str, num_done: int, num_total: int) -> None:
        bars.update(task, description=f"{what} {step}".strip(), completed=num_done, total=max(num_total, 1))
        if num_done == num_total:
            bars.update(task, completed=max(num_total, 1))

    return advance


if __name__ == "__main__":
    sys.exit(main())
