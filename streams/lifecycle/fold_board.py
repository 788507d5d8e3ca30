"""Which fact is being folded, where the parent process reads it after the worker's death.

A fold runs from its first line to its last without anything beside it, so a worker that dies by itself meanwhile died
of that fact: no fact has to run alone for that. See `streams.lifecycle.exclusive_board` and
`streams.worker.note_death`.
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
    """What stood on the board."""

    video_id: str
    place: Place
    log_generation: int


class FoldBoard:
    """Puts each fact on the board for as long as it is folded.

    Args:
        board: read by the parent process; None where there is none, and nothing is noted.
    """

    def __init__(self, board: ExclusiveBoard | None = None) -> None:
        self._board = board

    @contextmanager
    def folding(self, video_id: str, topic: str, partition: int, offset: int, log_generation: int) -> Iterator[None]:
        """Name the fact while the block runs."""
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
    """The fact that an entry of the board names; None where it names an attempt."""
    if not entry.startswith(f'["{_FOLD}"'):
        return None
    _, video_id, topic, partition, offset, log_generation = json.loads(entry)
    return FoldedFact(video_id, Place(topic, partition, offset), log_generation)
