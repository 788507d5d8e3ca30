"""Tracks the committable offset of a partition: the end of the contiguous prefix of finished records."""

from __future__ import annotations

from collections import deque


class OffsetTracker:
    """Delivered offsets of one partition that are not committable yet, in order.

    Only delivered offsets count, so holes in the log (compaction, transaction markers, aborted records) neither block
    progress nor count as done.

    Args:
        num_finishers: number of agents that must finish a record.
    """

    def __init__(self, num_finishers: int = 1) -> None:
        if num_finishers < 1:
            raise ValueError(f"a record needs at least one agent that finishes it, got {num_finishers}")
        self._num_finishers = num_finishers
        self._delivered: deque[int] = deque()
        self._finishers: dict[int, set[str]] = {}
        """Agents that have finished, by offset; the keys are those of `_delivered`."""
        self._committable: int | None = None
        self._read_to: int | None = None

    @property
    def committable(self) -> int | None:
        """The next offset to read, as Kafka commits it; None before anything was finished or read over."""
        return self._committable

    def deliver(self, offset: int) -> None:
        """Note that a record was delivered. A record that was delivered before, or is already committable, changes
        nothing."""
        if self._delivered and offset <= self._delivered[-1]:
            return
        if self._committable is not None and offset < self._committable:
            return
        self._delivered.append(offset)
        self._finishers[offset] = set()

    def finish(self, offset: int, agent: str = "") -> None:
        """Note that an agent has finished a record; unknown offsets change nothing."""
        finishers = self._finishers.get(offset)
        if finishers is None:
            return
        finishers.add(agent)
        self._advance()

    def read_to(self, position: int) -> None:
        """Note that every record before the position was delivered; other offsets contain no record.

        The caller must first deliver all that it fetched before the position. Once those records are finished, the
        position is committable. A lower position than an earlier one changes nothing.
        """
        if self._read_to is None or position > self._read_to:
            self._read_to = position
            self._advance()

    def _advance(self) -> None:
        while self._delivered and len(self._finishers[self._delivered[0]]) >= self._num_finishers:
            offset = self._delivered.popleft()
            del self._finishers[offset]
            self._raise_to(offset + 1)
        if not self._delivered and self._read_to is not None:
            self._raise_to(self._read_to)

    def _raise_to(self, offset: int) -> None:
        self._committable = offset if self._committable is None else max(self._committable, offset)
