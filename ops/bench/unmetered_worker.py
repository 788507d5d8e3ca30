"""`vidsignal worker` with metrics that do nothing, for `bench observing`.

A worker has no such setting: it counts even without an endpoint. So the classes are replaced before
`streams.observability.metrics` is imported, and every call in the code stays unchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import prometheus_client


class NoMetric:
    """Has the methods of a counter, a gauge and a histogram, and does nothing."""

    def __init__(self, *_described: Any, **_options: Any) -> None:
        """Accept any description."""

    def labels(self, *_values: Any, **_named: Any) -> Self:
        """Return the same object for all labels."""
        return self

    def inc(self, amount: float = 1) -> None:
        """Do nothing."""

    def dec(self, amount: float = 1) -> None:
        """Do nothing."""

    def set(self, value: float) -> None:
        """Do nothing."""

    def observe(self, amount: float) -> None:
        """Do nothing."""

    def set_function(self, read: Callable[[], float]) -> None:
        """Do nothing."""

    def remove(self, *_values: Any) -> None:
        """Do nothing."""

    @contextmanager
    def time(self) -> Iterator[None]:
        """Do nothing."""
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
