"""The threads that use a device, usually one; the models of the device take turns on them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

from operators.cpu_clocks import ThreadTeam
from operators.errors import DeviceLost
from operators.inference.model_scheduler import ModelScheduler
from operators.inference.request_context import Lane

Result = TypeVar("Result")


class WorkQueue(Protocol):
    """Waiting work of one model."""

    def oldest_seconds(self, lane: Lane) -> float | None:
        """Return since when the oldest item of a priority class waits; called with the device's lock held."""

    def run_next(self) -> None:
        """Take one batch and run it; called on a thread of the device, without the lock. Must not raise."""


class DeviceThread:
    """Runs calls first, then the queues, for as long as anything waits; it is never idle while work waits.

    A thread takes a batch itself when the device is free. If the event loop delivered batches, the device would be
    idle whenever the loop is busy, and a batch would be formed before all of its possible items are known.

    Args:
        name: of the device.
        turns: selects the model that runs next.
        num_threads: that submit batches at the same time; each has calls of its own.
    """

    def __init__(self, name: str, turns: ModelScheduler | None = None, num_threads: int = 1) -> None:
        self.lock = threading.Condition()
        """Guards every queue of this device; held for microseconds, never while the device works."""
        self.lost: DeviceLost | None = None
        """Why the device is not used any more; set on its threads."""
        self._turns = turns or ModelScheduler()
        self._calls: list[deque[Callable[[], None]]] = [deque() for _ in range(num_threads)]
        self._lines: list[WorkQueue] = []
        self._closing = False
        self._team = ThreadTeam("device")
        self._lap_seconds = 0.0
        self._lap_lock = threading.Lock()
        self._local = threading.local()
        self._name = f"device-{name}"
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), name=f"{self._name}-{number}", daemon=True)
            for number in range(num_threads)
        ]

    @property
    def num_threads(self) -> int:
        """How many threads submit batches."""
        return len(self._threads)

    @property
    def number(self) -> int:
        """Number of the calling thread, which must be one of the device."""
        number: int = self._local.number
        return number

    def open(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def attach(self, line: WorkQueue) -> None:
        """Add one more model."""
        with self.lock:
            self._lines.append(line)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the threads and of native pools that compute for them; callable from any thread."""
        return self._team.cpu_seconds()

    def lap_cpu_seconds(self) -> float:
        """Return the CPU time since the previous lap, or since the last call ended; only on the threads.

        One reading a batch instead of two: a reading lists the threads of the process, which is a noticeable part of a
        small batch. With several threads, a lap is the time of all of them: the sum over batches is exact, a single
        batch's part is not.
        """
        with self._lap_lock:
            before_seconds, self._lap_seconds = self._lap_seconds, self._team.cpu_seconds()
            return max(0.0, self._lap_seconds - before_seconds)

    def call(self, work: Callable[[], Result], thread: int = 0) -> Future[Result]:
        """Run `work` on a thread, before any further batch there; its result or error is the future's."""
        future: Future[Result] = Future()
        with self.lock:
            if self._closing:
                raise RuntimeError(f"{self._name} is closed")
            self._calls[thread].append(partial(self._make_call, future, work))
            self.lock.notify_all()
        return future

    def close(self, last_calls: Sequence[tuple[int, Callable[[], object]]] = ()) -> None:
        """Finish the running batches, make the last calls, each on its thread, and end all; waits, may be repeated."""
        for thread, work in () if self._closing else last_calls:
            self.call(work, thread)
        with self.lock:
            self._closing = True
            self.lock.notify_all()
        for each in self._threads:
            if each.is_alive():
                each.join()

    def _serve(self, number: int) -> None:
        self._local.number = number
        self._team.join()
        self.lap_cpu_seconds()
        while (step := self._next_step(number)) is not None:
            step()

    def _make_call(self, future: Future[Result], work: Callable[[], Result]) -> None:
        _settle(future, work)
        self.lap_cpu_seconds()  # what a call costs is no batch's

    def _next_step(self, number: int) -> Callable[[], None] | None:
        with self.lock:
            while True:
                if self._calls[number]:
                    return self._calls[number].popleft()
                if self._closing:
                    return None
                if (line := self._turns.next_queue(self._lines)) is not None:
                    return line.run_next
                self.lock.wait()


def _settle(future: Future[Result], work: Callable[[], Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)  # raised to the caller, as in an executor
