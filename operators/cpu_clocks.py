"""CPU time as the kernel charges it: Linux keeps a clock for every thread and every process.

Clock numbers are those of `pthread_getcpuclockid(3)` and `clock_getcpuclockid(3)`, which anybody may read.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from pathlib import Path

_TASKS = Path("/proc/self/task")
_PROCESS_CLOCK = 2
_THREAD_CLOCK = 6
_LOOK_SECONDS = 5.0
"""Longest time between two looks at who is a member; a look at forty threads takes as long as a hundred at a clock."""
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
        self._joined: set[int] = set()
        self._ours: dict[int, bool] = {}
        self._looked_seconds = -math.inf
        self._num_tasks = 0
        self._lock = threading.Lock()

    def join(self) -> None:
        """Make the calling thread a member; to be called before it starts others."""
        native_id = threading.get_native_id()
        with self._lock:
            self._joined.add(native_id)
            self._ours[native_id] = True
        try:
            (_TASKS / str(native_id) / "comm").write_text(self._name)
        except OSError:
            return  # a system without names: those who joined are counted alone

    def cpu_seconds(self) -> float:
        """CPU time of all threads of the team that live; 0 while it has none."""
        with self._lock:
            members = self._members()
        clocks = [thread_cpu_seconds(native_id) for native_id in members]
        return sum(seconds for seconds in clocks if seconds is not None)

    def _members(self) -> list[int]:
        if self._joined:
            num_tasks, now_seconds = _num_tasks(), time.monotonic()
            if num_tasks != self._num_tasks or now_seconds - self._looked_seconds >= _LOOK_SECONDS:
                self._num_tasks, self._looked_seconds = num_tasks, now_seconds
                self._look()
        return [task for task, is_ours in self._ours.items() if is_ours]

    def _look(self) -> None:
        try:
            living = {int(task.name) for task in _TASKS.iterdir()}
        except OSError:  # a system that does not tell
            living = set(self._joined)
        self._ours = {task: known for task, known in self._ours.items() if task in living}
        for task in living - self._ours.keys():
            self._ours[task] = task in self._joined or _name_of(task) == self._name


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


def _num_tasks() -> int:
    """The process's threads as the folder counts them, which costs little; any constant where it does not count."""
    try:
        return _TASKS.stat().st_nlink
    except OSError:
        return 0


def _name_of(task: int) -> str | None:
    try:
        return (_TASKS / str(task) / "comm").read_text().rstrip("\n")
    except OSError:
        return None
