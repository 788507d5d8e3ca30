"""`vidsignal worker` with metrics that do nothing, for `bench observing`: what is counted nowhere costs nothing.

A worker has no such setting: without an endpoint it counts all the same. So the classes are replaced before
`streams.observability.metrics` is imported, and every call in the code stays what it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import prometheus_client


class NoMetric:
    """Takes the calls of a counter, a gauge and a histogram, and forgets them."""

    def __init__(self, *_described: Any, **_options: Any) -> None:
        """Whatever it would be called."""

    def labels(self, *_values: Any, **_named: Any) -> Self:
        """The same for all labels."""
        return self

    def inc(self, amount: float = 1) -> None:
        """Forget it."""

    def dec(self, amount: float = 1) -> None:
        """Forget it."""

    def set(self, value: float) -> None:
        """Forget it."""

    def observe(self, amount: float) -> None:
        """Forget it."""

    def set_function(self, read: Callable[[], float]) -> None:
        """Never ask."""

    def remove(self, *_values: Any) -> None:
        """There is none."""

    @contextmanager
    def time(self) -> Iterator[None]:
        """Look at no clock."""
        yield

    track_inprogress = time


def main() -> int:
    """Run a worker by its settings."""
    for name in ("Counter", "Gauge", "Histogram"):
        setattr(prometheus_client, name, NoMetric)
    from streams.worker.worker import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
