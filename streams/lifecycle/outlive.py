"""The parent process of a worker: waits for the worker's end and reports it. Only the standard library.

Run by `streams.lifecycle.parent` in place of the original program: `python -I -S outlive.py <parameters as JSON>
<original command...>`, so that it needs ten megabytes and not a hundred.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from streams.lifecycle.exclusive_board import ExclusiveBoard

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT)
_ASKED: Final = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
"""Signals that end a worker that was stopped before it handled them."""
_ALL_DIE_SECONDS: Final = 1.0
"""After this time, a kill of all processes of a container or a group one by one has reached this one, too, and nothing
is reported."""
_NOTE_SECONDS: Final = 60.0


def outlive(worker_id: int, board: ExclusiveBoard, in_order: list[int], note: list[str]) -> int:
    """Wait until the worker has ended, and return its exit code, or end by the signal that ended it.

    Args:
        worker_id: a child of this process.
        board: its exclusive attempts.
        in_order: exit codes that no event causes.
        note: a command, called with the board's entries and the kind of end, if the worker ended by itself.
    """

    def pass_on(number: int, _frame: FrameType | None) -> None:
        os.kill(worker_id, number)  # it is not reaped yet, so no other process has its id

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    status = _await_end(worker_id, board)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _end_by(signal.Signals(-code), board, note)
    if code not in in_order:
        _tell(board, note, f"exit code {code}")
    return code


def _await_end(worker_id: int, board: ExclusiveBoard) -> int:
    """Wait for the worker; as the first process of a container it also reaps orphans."""
    while True:
        process_id, status = os.waitpid(-1, os.WUNTRACED)
        if process_id != worker_id:
            continue
        if not os.WIFSTOPPED(status):
            return status
        if board.follows:  # it stopped because we were stopped, and we continue
            board.follows = False
            os.kill(worker_id, signal.SIGCONT)


def _end_by(number: signal.Signals, board: ExclusiveBoard, note: list[str]) -> NoReturn:
    """End as the worker did, so that a supervisor sees the same as without a parent."""
    if number not in _ASKED:
        time.sleep(_ALL_DIE_SECONDS)
        sys.stderr.write(f"the worker was ended by {number.name}, and its parent process was not\n")
        _tell(board, note, number.name)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number is not signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    sys.stderr.flush()
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container is not ended by its own signals


def _tell(board: ExclusiveBoard, note: list[str], ended_by: str) -> None:
    alone = board.read()
    if not alone:
        return
    try:
        subprocess.run([*note, json.dumps(alone), ended_by], check=True, timeout=_NOTE_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"the worker's death could not be noted, so it counts as a kill from outside: {error}\n")


if __name__ == "__main__":
    _known: dict[str, Any] = json.loads(sys.argv[1])
    sys.exit(outlive(_known["worker_id"], ExclusiveBoard(_known["board_fd"]), _known["in_order"], _known["note"]))
