"""Ends a process whose stop takes too long, and logs what was still running."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NoReturn

import structlog

from streams.delivery.unfinished import UnfinishedEvent
from streams.lifecycle.fatal_error import WorkerExit

_MOST_EVENTS: Final = 20

_log = structlog.get_logger(__name__)


def limit_stop(
    seconds: float,
    *,
    exit_code: Callable[[], WorkerExit],
    roles: Callable[[], Sequence[str]],
    events: Callable[[], Iterable[UnfinishedEvent]],
) -> None:
    """From here on the process ends within a bounded time, whatever hangs.

    Args:
        seconds: until it is ended; the other arguments are asked then, on a thread of its own.
        exit_code: as in `end_overrun_stop`.
        roles: likewise.
        events: likewise.
    """

    def end() -> None:
        end_overrun_stop(exit_code(), seconds, roles=roles(), events=list(events()))

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def end_overrun_stop(
    exit_code: WorkerExit, seconds: float, *, roles: Sequence[str], events: Sequence[UnfinishedEvent]
) -> NoReturn:
    """Log one line and the stacks of all threads, and end the process with `exit_code`; callable on any thread.

    Args:
        exit_code: of the process.
        seconds: the time that it had.
        roles: roles that have not stopped; if all have, something else hangs, such as a device or a connection.
        events: unfinished events.
    """
    _log.critical(
        "shutdown timeout; exiting",
        exit_code=int(exit_code),
        after_seconds=seconds,
        roles=list(roles),
        num_events=len(events),
        events=[f"{event.video_id} ({event.role}: {_stages(event)})" for event in events[:_MOST_EVENTS]],
    )
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(exit_code)


def _stages(event: UnfinishedEvent) -> str:
    return ", ".join(f"{agent} {stage}" for agent, stage in event.agents.items())
