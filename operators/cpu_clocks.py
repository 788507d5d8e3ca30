"""CPU time as the kernel charges it: Linux keeps a clock for every thread and every process.

Clock numbers are those of `pthread_getcpuclockid(3)` and `clock_getcpuclockid(3)`, which anybody may read.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from pathlib import Path

_TASKS = Path("/proc/self/task")
_PROCESS_CLOCK = 2
_THREAD_CLOCK = 6
_team_numbers = itertools.count(1)


def process_cpu_seconds(pid: int) -> float | None:
    """User and system time of a process of this machine so far; None where it is gone, or there is no such clock."""
    return _read_clock(pid, _PROCESS_CLOCK)


def thread_cpu_seconds(native_id: int) -> float | None:
    """The same of a thread of this process."""
    return _read_clock(native_id, _THREAD_CLOCK)


class ThreadTeam:
    """Threads of ours together with those that a library starts on them.

    Native pools do not tell what they burn. But a thread inherits the name of the one that starts it, so a name of
    its own tells a whole team. The names show in `top -H`, too.
    """

    def __init__(self, name: str) -> None:
        self._name = f"{name[:9]}-{next(_team_numbers)}"  # the kernel keeps 15 bytes
        self._ours: set[int] = set()
        self._others: set[int] = set()
        self._lock = threading.Lock()

    def join(self) -> None:
        """Make the calling thread a member; to be called before it starts others."""
        native_id = threading.get_native_id()
        with self._lock:
            self._ours.add(native_id)
        try:
            (_TASKS / str(native_id) / "comm").write_text(self._name)
        except OSError:
            return  # a system without names: only those who joined are counted

    def cpu_seconds(self) -> float:
        """CPU time of all threads of the team that live; 0 while it has none."""
        with self._lock:
            self._look()
            clocks = {task: thread_cpu_seconds(task) for task in self._ours}
            # Only a clock tells that one of ours has gone: a list that is read while threads end can miss others.
            self._ours = {task for task, seconds in clocks.items() if seconds is not None}
        return sum(seconds for seconds in clocks.values() if seconds is not None)

    def _look(self) -> None:
        """See who came. At every call: as threads come while others go, their number does not tell."""
        living = _tasks() if self._ours else set()
        new = living - self._ours - self._others  # a name is read once: that costs as much as all the rest
        self._ours |= {task for task in new if _name_of(task) == self._name}
        self._others = living - self._ours


class SuccessiveProcesses:
    """Processes of which each takes the place of the one before; counts what all of them used together.

    What one uses between the last look and its end is not seen.
    """

    def __init__(self) -> None:
        self.start_cpu_seconds = 0.0
        """What they used until they were ready."""
        self._pid: int | None = None
        self._used_seconds = 0.0
        self._ended_seconds = 0.0

    def began(self, pid: int) -> None:
        """There is a new one; the one before has ended."""
        self._ended_seconds += self._used_seconds
        self._used_seconds = 0.0
        self._pid = pid

    def became_ready(self) -> None:
        """What the new one used so far was its start."""
        self._look()
        self.start_cpu_seconds += self._used_seconds

    def cpu_seconds(self) -> float:
        """All that they used so far, their starts included."""
        self._look()
        return self._ended_seconds + self._used_seconds

    def _look(self) -> None:
        seconds = process_cpu_seconds(self._pid) if self._pid is not None else None
        if seconds is not None:
            self._used_seconds = max(self._used_seconds, seconds)

    def ends(self) -> None:
        """The last look at one that ends now; to be called before anybody waits for it. May be repeated."""
        self._look()
        self._pid = None


def _read_clock(number: int, kind: int) -> float | None:
    try:
        return time.clock_gettime((~number << 3) | kind)
    except OSError:
        return None


def _tasks() -> set[int]:
    """The process's threads; nobody where the system does not tell. Some 13 us for forty threads."""
    try:
        return set(map(int, os.listdir(_TASKS)))  # noqa: PTH208 - a third of the time of paths
    except OSError:
        return set()


def _name_of(task: int) -> str | None:
    try:
        return (_TASKS / str(task) / "comm").read_text().rstrip("\n")
    except OSError:
        return None
