"""The interface of a competitor, as its process drives it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class BatchingCompetitor(Protocol):
    """Opened once, asked from many tasks, closed."""

    sizes: tuple[int, ...]
    """Its batch sizes; known once open."""

    async def open(self) -> None:
        """Load the model, and start what serves it."""

    async def ask(self, item: np.ndarray) -> object:
        """Return the outputs for one item."""

    def counts(self) -> dict[str, Any]:
        """Return running totals, such as padded rows; empty if it has none."""

    async def close(self) -> None:
        """End what serves it."""
