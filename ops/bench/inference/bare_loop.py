"""The model in a plain loop: batches that were stacked before, nobody who waits. No batcher can be faster."""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np

from operators.inference.backend import LoadedModel
from ops.bench.inference.load import Saturated


class BareLoop:
    """One loaded model and its batch sizes."""

    def __init__(self, loaded: LoadedModel, sizes: tuple[int, ...], items: list[np.ndarray]) -> None:
        self._loaded = loaded
        self._items = items
        self._size = sizes[-1]
        repeated = (items * self._size)[: max(len(items), self._size)]
        self._batches = [
            np.stack(repeated[start : start + self._size])
            for start in range(0, len(repeated) - self._size + 1, self._size)
        ]

    def saturate(self, seconds: float) -> Saturated:
        """Run largest batches until `seconds` have passed; the last one ends later, and counts, too."""
        began, ran = monotonic(), 0
        while (passed := monotonic() - began) < seconds:
            self._loaded.run(self._batches[ran % len(self._batches)])
            ran += 1
        return Saturated(ran * self._size, passed, total_seconds=passed)

    def one_at_a_time(self, count: int) -> list[float]:
        """Return the seconds of single items, each stacked and run alone."""
        return [self._timed(self._items[number % len(self._items)]) for number in range(count)]

    def _timed(self, item: np.ndarray) -> float:
        began = monotonic()
        self._loaded.run(item[np.newaxis])
        return monotonic() - began

    def counts(self) -> dict[str, Any]:
        """Nothing is padded."""
        return {}
