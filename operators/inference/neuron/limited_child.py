"""Runs a function in a process of its own, with limits of time and memory for it and all processes that it starts."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil

_LOOK_SECONDS: Final = 0.2
_MAX_REASON: Final = 500


class ChildFailed(Exception):
    """The child did not do its work; the message says why."""


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may take."""

    seconds: float
    """Wall-clock time until it is killed."""
    memory_bytes: int
    """Resident memory of the child and its descendants together."""


def run_in_child(work: Callable[..., None], arguments: tuple[Any, ...], limits: ChildLimits) -> None:
    """Call `work` in a fresh process and wait for its end.

    Args:
        work: a function of a module, which the child imports.
        arguments: are pickled.
        limits: the child is killed where it exceeds them, with everything that it has started.

    Raises:
        ChildFailed: it raised an error, crashed, or was killed.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_serve, args=(sender, os.getpid(), work, arguments), daemon=True)
    child.start()
    sender.close()
    assert child.pid is not None
    try:
        reason = _excess(child, limits)
    finally:
        child.kill()  # first: until it has a group of its own, it has no descendants either
        _kill_group(child.pid)
        child.join()
    told = _told(receiver)
    if reason is None and child.exitcode == 0:
        return
    raise ChildFailed(reason or told or _death(child.exitcode or 0))


def _excess(child: Any, limits: ChildLimits) -> str | None:
    """Wait for the child; returns which limit it broke."""
    until_seconds = time.monotonic() + limits.seconds
    while child.exitcode is None:
        child.join(_LOOK_SECONDS)
        if child.exitcode is None and time.monotonic() >= until_seconds:
            return f"took longer than {limits.seconds:g} seconds"
        if (used_bytes := _resident_bytes(child.pid)) > limits.memory_bytes:
            return f"took {used_bytes} bytes of memory, allowed are {limits.memory_bytes}"
    return None


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        return sum(map(_resident, (root, *root.children(recursive=True))))
    return 0


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _death(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "was killed from outside, usually because the machine has no memory left"
    return f"died of {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with {exit_code}"


def _told(receiver: Connection) -> str | None:
    with receiver, contextlib.suppress(EOFError, OSError):
        if receiver.poll():
            return str(receiver.recv())
    return None


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _serve(sender: Connection, parent_pid: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Runs in the child."""
    os.setsid()  # a group of its own, which is killed as a whole
    threading.Thread(target=_end_with, args=(parent_pid,), daemon=True).start()
    with _reported_to(sender):
        work(*arguments)


@contextlib.contextmanager
def _reported_to(sender: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        sender.send(f"{type(error).__name__}: {error}"[:_MAX_REASON])
        raise SystemExit(1) from None


def _end_with(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(1.0)
    _kill_group(os.getpid())
