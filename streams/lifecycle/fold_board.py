"""The fact that is being folded, in memory that the parent process can read after the worker's death.

No other fact is folded meanwhile, so no fact has to run exclusively; other threads may run, so a single death proves
nothing. See `streams.lifecycle.exclusive_board`, `streams.lifecycle.own_deaths` and `streams.worker.note_death`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.record import Place

_FOLD = "fold"


@dataclass(frozen=True, slots=True)
class FoldedFact:
    """An entry of the board."""

    video_id: str
    place: Place
    log_generation: int


class FoldBoard:
    """Writes each fact to the board while it is folded.

    Args:
        board: read by the parent process; None without a parent, and then nothing is written.
    """

    def __init__(self, board: ExclusiveBoard | None = None) -> None:
        self._board = board

    @contextmanager
    def folding(self, video_id: str, topic: str, partition: int, offset: int, log_generation: int) -> Iterator[None]:
        """Write the fact while the block runs."""
        if self._board is None:
            yield
            return
        entry = json.dumps([_FOLD, video_id, topic, partition, offset, log_generation])
        self._board.add(entry)
        try:
            yield
        finally:
            self._board.remove(entry)


def folded_fact(entry: str) -> FoldedFact | None:
    """Return the fact in an entry of the board; None if it is an attempt."""
    if not entry.startswith(f'["{_FOLD}"'):
        return None
    _, video_id, topic, partition, offset, log_generation = json.loads(entry)
    return FoldedFact(video_id, Place(topic, partition, offset), log_generation)
