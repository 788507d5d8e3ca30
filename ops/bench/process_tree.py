"""CPU time and memory of a process with all its children, sampled while they run."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.25


class TreeMeter:
    """Samples a process tree in a thread until it is closed.

    `getrusage` of children counts only children that have ended, so each process is read while it runs: the CPU time
    between its last sample and its end is missed, at most a quarter of a second.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._root = psutil.Process(pid)
        self._cpu_by_process: dict[tuple[int, float], float] = {}
        self._peak_pss_bytes = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._sample_until_stopped, daemon=True)

    def open(self) -> TreeMeter:
        """Start sampling."""
        self._sample()
        self._thread.start()
        return self

    def cpu_seconds(self) -> float:
        """CPU time of all processes of the tree up to now."""
        self._sample()
        with self._lock:
            return sum(self._cpu_by_process.values())

    def peak_pss_bytes(self) -> int:
        """Largest proportional set size of the whole tree that was seen."""
        return self._peak_pss_bytes

    def close(self) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join()

    def _sample_until_stopped(self) -> None:
        ticks = 0
        while not self._stop.wait(SAMPLE_SECONDS):
            self._sample()
            ticks += 1
            if ticks % 8 == 0:  # reading smaps costs more than reading times
                self._peak_pss_bytes = max(self._peak_pss_bytes, tree_pss_bytes(self._root.pid))

    def _sample(self) -> None:
        for process in tree_of(self._root):
            try:
                times = process.cpu_times()
                key = (process.pid, process.create_time())
            except psutil.Error:
                continue
            with self._lock:
                self._cpu_by_process[key] = times.user + times.system


def tree_pss_bytes(pid: int) -> int:
    """Proportional set size of a process and all its children; pages that they share count once."""
    try:
        return sum(_pss_bytes(process.pid) for process in tree_of(psutil.Process(pid)))
    except psutil.NoSuchProcess:
        return 0


def tree_of(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its children; none if it has ended."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _pss_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
