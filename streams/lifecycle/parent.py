"""How a worker gets a parent process, which outlives it, and so can say how the worker ended.

Who ends a worker from outside, a supervisor, a container's runtime or a person, addresses the process that was started,
which is the parent, or all processes at once. What work brings upon its process, a crash in native code or the kernel's
memory killer, hits the worker alone. So a worker that ends while its parent lives has ended by itself.

The parent holds no connection and does nothing but wait: it passes signals on to the worker, ends when the worker does
and as it did, and takes the worker with it when it is killed. Stopped (SIGSTOP), it stops the worker too.
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
"""Ends that no event brings about."""
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Family:
    """What parent and worker know of each other."""

    process_id: int
    """The process that was started, and that signals go to."""
    board: ExclusiveBoard | None = None
    """Read by the parent; None where there is none."""

    @property
    def parent_id(self) -> int | None:
        """The parent process; None where there is none."""
        return None if self.board is None else self.process_id


def run_alone(work: Callable[[Family], int]) -> int:
    """Run the work in this process, without a parent of ours."""
    return work(Family(os.getpid()))


def run_under_parent(work: Callable[[Family], int], note: Sequence[str]) -> int:
    """Run the work in a child of this process, and return its exit code there; this process waits, and never returns.

    Where the child ends by a signal, this process ends by the same one.

    Args:
        work: what the worker does.
        note: a command that the parent runs where the worker ended by itself with something on its board; it is given
            that as a JSON list, and how the worker ended.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return run_alone(work)  # a process with threads must not be forked
    board, parent_id = ExclusiveBoard(), os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, outlive.PASSED_ON)  # until both sides can take them
    sys.stdout.flush()
    sys.stderr.flush()
    worker_id = os.fork()
    if worker_id == 0:
        _begin_worker(parent_id, board)
        return work(Family(parent_id, board))
    return _become_parent(worker_id, board, note)


def _become_parent(worker_id: int, board: ExclusiveBoard, note: Sequence[str]) -> int:
    """Shed all that was loaded: an exec keeps process id, children and blocked signals."""
    os.set_inheritable(board.fd, True)
    known = {"worker_id": worker_id, "board_fd": board.fd, "in_order": [int(code) for code in _IN_ORDER], "note": note}
    program = [sys.executable, "-I", "-S", outlive.__file__, json.dumps(known), *sys.orig_argv]
    os.execv(sys.executable, program)  # noqa: S606  our own file, and no shell


def end_with_parent(parent_id: int) -> None:
    """Have the kernel kill this process when its parent dies; ends it now where the parent is dead already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_id:
        os._exit(WorkerExit.CRASHED)  # the parent died before the line above


def _begin_worker(parent_id: int, board: ExclusiveBoard) -> None:
    end_with_parent(parent_id)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, outlive.PASSED_ON)
    threading.Thread(target=_follow_stops, args=(parent_id, board), name="parent-watch", daemon=True).start()


def _follow_stops(parent_id: int, board: ExclusiveBoard) -> None:
    """Stop whenever the parent is stopped: who stops a worker means all of it."""
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
