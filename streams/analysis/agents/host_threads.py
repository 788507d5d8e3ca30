"""Threads for CPU work on the host: numpy and OpenCV release the interpreter lock while they compute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from operators.cpu_clocks import ThreadTeam
from streams.analysis.agents.analysis import Result


class ThreadedHost:
    """A fixed number of threads; implements `HostThreads`."""

    def __init__(self, num_threads: int) -> None:
        """Raises ValueError if `num_threads` is less than 1."""
        self._team = ThreadTeam("operator")
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="operator", initializer=self._team.join)

    def cpu_seconds(self) -> float:
        """CPU time of the threads so far, including unfinished work."""
        return self._team.cpu_seconds()

    async def run(self, work: Callable[[], Result]) -> tuple[Result, float]:
        """Return the result of `work` and the CPU seconds of the thread that ran it; raises what it raises.

        If the caller is cancelled, work that has not started is dropped; other work runs to its end, and its result is
        discarded.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, _timed, work)

    def close(self) -> None:
        """Drop queued work and wait for running work. May be repeated."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Measure this thread only: threads that a library starts are not included, which is why libraries are limited to
    one."""
    began_seconds = time.thread_time()
    result = work()
    return result, time.thread_time() - began_seconds
