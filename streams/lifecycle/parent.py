"""Starts a worker with a parent process, which survives it and so can report how it ended.

A kill from outside, by a supervisor, a container runtime or a person, is sent to the process that was started, which is
the parent, or to all processes at once. A crash in native code or the OOM killer hits only the worker. So a worker that
ends while its parent lives has ended by itself.

The parent has no connection and only waits: it forwards signals to the worker, ends when and as the worker does, and
takes the worker with it when it is killed. If it is stopped (SIGSTOP), it stops the worker, too.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.lifecycle import outlive
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.fatal_error import WorkerExit

_PR_SET_PDEATHSIG: Final = 1
_IN_ORDER: Final = (
    WorkerExit.STOPPED, WorkerExit.MISCONFIGURED, WorkerExit.STOP_OVERRAN, WorkerExit.NEEDS_REBUILD,
)  # fmt: skip
"""Exit codes that no event causes."""
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Family:
    """What parent and worker share."""

    process_id: int
    """The process that was started, to which signals are sent."""
    board: ExclusiveBoard | None = None
    """Read by the parent; None without one."""

    @property
    def parent_id(self) -> int | None:
        """The parent process; None without one."""
        return None if self.board is None else self.process_id


def run_without_parent(work: Callable[[Family], int]) -> int:
    """Run the work in this process, without a parent."""
    return work(Family(os.getpid()))


def run_under_parent(work: Callable[[Family], int], note: Sequence[str]) -> int:
    """Run the work in a child of this process, and return its exit code there; this process waits, and never returns.

    If the child ends by a signal, this process ends by the same one.

    Args:
        work: the worker's main function.
        note: a command that the parent runs if the worker ended by itself with entries on its board; its arguments are
            these as a JSON list, and the kind of end.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return run_without_parent(work)  # a process with threads must not be forked
    board, parent_id = ExclusiveBoard(), os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, outlive.PASSED_ON)  # until both sides can handle them
    sys.stdout.flush()
    sys.stderr.flush()
    worker_id = os.fork()
    if worker_id == 0:
        _begin_worker(parent_id, board)
        return work(Family(parent_id, board))
    return _become_parent(worker_id, board, note)


def _become_parent(worker_id: int, board: ExclusiveBoard, note: Sequence[str]) -> int:
    """Replace the loaded program: an exec keeps process id, children and blocked signals."""
    os.set_inheritable(board.fd, True)
    known = {"worker_id": worker_id, "board_fd": board.fd, "in_order": [int(code) for code in _IN_ORDER], "note": note}
    program = [sys.executable, "-I", "-S", outlive.__file__, json.dumps(known), *sys.orig_argv]
    os.execv(sys.executable, program)  # noqa: S606  our own file, and no shell


def end_with_parent(parent_id: int) -> None:
    """Let the kernel kill this process when its parent dies; ends it now if the parent is dead already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_id:
        os._exit(WorkerExit.CRASHED)  # the parent died before the line above


def _begin_worker(parent_id: int, board: ExclusiveBoard) -> None:
    end_with_parent(parent_id)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, outlive.PASSED_ON)
    threading.Thread(target=_follow_stops, args=(parent_id, board), name="parent-watch", daemon=True).start()


def _follow_stops(parent_id: int, board: ExclusiveBoard) -> None:
    """Stop whenever the parent is stopped, because stopping a worker means all of it."""
    while True:
        time.sleep(_LOOK_SECONDS)
        if _state_of(parent_id) == "T":
            board.follows = True
            os.kill(os.getpid(), signal.SIGSTOP)


def _state_of(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()[0]
    except OSError:
        return ""
