"""Runs a command that folds facts in a child process, so that a fact that ends it can be named and left out."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field

import typer

from ops.cli.console import err
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.fold_board import FoldBoard, FoldedFact, folded_fact
from streams.lifecycle.own_deaths import CRASHES_BEFORE_GIVING_UP
from streams.lifecycle.parent import end_with_parent


@dataclass(slots=True)
class Survived:
    """Causes of death of former child processes."""

    board: FoldBoard = field(default_factory=FoldBoard)
    """Board on which the child notes what it folds."""
    deadly: dict[str, FoldedFact] = field(default_factory=dict)
    """By video, the fact over which two of them died, which is left out."""


def in_surviving_child() -> Survived:
    """Continue in a child process; this one waits, and starts another whenever a child dies by itself over a fact.

    Returns only in the child. The parent exits with the child's exit code, or by the signal that ended a child that
    folded nothing.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return Survived()  # a process with threads must not be forked
    deaths: Counter[FoldedFact] = Counter()
    parent_id = os.getpid()
    while True:
        board = ExclusiveBoard()
        sys.stdout.flush()
        sys.stderr.flush()
        child_id = os.fork()
        if child_id == 0:
            end_with_parent(parent_id)
            deadly = {fact.video_id: fact for fact, number in deaths.items() if number >= CRASHES_BEFORE_GIVING_UP}
            return Survived(FoldBoard(board), deadly)
        code = _end_of(child_id)
        facts = [fact for entry in board.read() if (fact := folded_fact(entry)) is not None]
        board.close()
        if code >= 0:
            raise typer.Exit(code)
        if not facts or -code in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            _end_by(-code)
        deaths.update(facts)
        _tell(facts, code)


def _end_of(child_id: int) -> int:
    """Return the exit code of the child, or the signal that ended it as a negative number; Ctrl-C reaches the child by
    itself."""
    while True:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(child_id, 0)[1])
        except KeyboardInterrupt:
            continue


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _tell(facts: list[FoldedFact], code: int) -> None:
    for fact in facts:
        err.print(
            f"the process ended by {signal.Signals(-code).name} while it folded offset {fact.place.offset} of partition"
            f" {fact.place.partition}, a fact of video {fact.video_id}; beginning again",
            markup=False,
            soft_wrap=True,
        )
