"""CPU time by the kernel's clocks: Linux keeps one for every thread and every process.

Clock numbers are those of `pthread_getcpuclockid(3)` and `clock_getcpuclockid(3)`, which every process may read.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_TASKS = Path("/proc/self/task")
_PROCESS_CLOCK = 2
_THREAD_CLOCK = 6
LOOK_SECONDS = 0.1
"""Longest time between two looks for new threads of a team."""
_team_numbers = itertools.count(1)
_joined = threading.local()


def process_cpu_seconds(pid: int) -> float | None:
    """Return the user and system time of a process on this machine; None if it has ended, or there is no such clock."""
    return _read_clock(pid, _PROCESS_CLOCK)


def thread_cpu_seconds(native_id: int) -> float | None:
    """Return the same of a thread of this process."""
    return _read_clock(native_id, _THREAD_CLOCK)


def computing_cpu_seconds() -> float:
    """Return the CPU time of the calling thread and of those that a library started for it.

    That is of the thread's team; of the process if the thread joined none, as in a command that only computes.
    """
    team: ThreadTeam | None = getattr(_joined, "team", None)
    return time.process_time() if team is None else team.cpu_seconds()


class ThreadTeam:
    """Our threads together with those that a library starts on them.

    Native pools do not report their CPU time. But a thread inherits the name of the thread that starts it, so a unique
    name identifies the whole team. The names are also visible in `top -H`.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = f"{name[:9]}-{next(_team_numbers)}"  # the kernel keeps 15 bytes
        self._clock = clock
        self._look_again_at = 0.0
        self._ours: set[int] = set()
        self._others: set[int] = set()
        self._lock = threading.Lock()

    def join(self) -> None:
        """Make the calling thread a member; call it before the thread starts others."""
        native_id = threading.get_native_id()
        _joined.team = self
        with self._lock:
            self._ours.add(native_id)
        try:
            (_TASKS / str(native_id) / "comm").write_text(self._name)
        except OSError:
            return  # a system without thread names: only threads that joined are counted

    def cpu_seconds(self) -> float:
        """Return the CPU time of all living threads of the team; 0 without any.

        A thread that started within `LOOK_SECONDS` may count only from the next look on, then with all its time.
        """
        with self._lock:
            self._look_if_due()
            clocks = {task: thread_cpu_seconds(task) for task in self._ours}
            # Only a clock shows that a thread has ended: a list that is read while threads end may miss others.
            self._ours = {task for task, seconds in clocks.items() if seconds is not None}
        return sum(seconds for seconds in clocks.values() if seconds is not None)

    def _look_if_due(self) -> None:
        """Look for new threads if some time has passed: a look costs ten times as much as reading the clocks, and
        lets go of the interpreter lock."""
        now_seconds = self._clock()
        if now_seconds >= self._look_again_at:
            self._look_again_at = now_seconds + LOOK_SECONDS
            self._look()

    def _look(self) -> None:
        living = _tasks() if self._ours else set()
        new = living - self._ours - self._others  # a name is read once, because that costs as much as all the rest
        self._ours |= {task for task in new if _name_of(task) == self._name}
        self._others = living - self._ours


class SuccessiveProcesses:
    """Processes that replace each other; counts the CPU time of all of them together.

    What a process uses between the last reading and its end is not counted.
    """

    def __init__(self) -> None:
        self.start_cpu_seconds = 0.0
        """CPU time until they were ready."""
        self._pid: int | None = None
        self._used_seconds = 0.0
        self._ended_seconds = 0.0

    def began(self, pid: int) -> None:
        """Note a new process; the previous one has ended."""
        self._ended_seconds += self._used_seconds
        self._used_seconds = 0.0
        self._pid = pid

    def became_ready(self) -> None:
        """Note that the new process is ready; its CPU time so far was its start."""
        self._look()
        self.start_cpu_seconds += self._used_seconds

    def cpu_seconds(self) -> float:
        """Return all CPU time so far, including starts."""
        self._look()
        return self._ended_seconds + self._used_seconds

    def _look(self) -> None:
        seconds = process_cpu_seconds(self._pid) if self._pid is not None else None
        if seconds is not None:
            self._used_seconds = max(self._used_seconds, seconds)

    def ends(self) -> None:
        """Read a process that is about to end; call it before waiting for the process. May be repeated."""
        self._look()
        self._pid = None


def _read_clock(number: int, kind: int) -> float | None:
    try:
        return time.clock_gettime((~number << 3) | kind)
    except OSError:
        return None


def _tasks() -> set[int]:
    """Return the process's threads; empty if the system does not list them. Takes some 13 us for forty threads."""
    try:
        return set(map(int, os.listdir(_TASKS)))  # noqa: PTH208 - a third of the time of paths
    except OSError:
        return set()


def _name_of(task: int) -> str | None:
    try:
        return (_TASKS / str(task) / "comm").read_text().rstrip("\n")
    except OSError:
        return None
