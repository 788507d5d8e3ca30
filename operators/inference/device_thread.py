"""The one thread that uses a device; the models of the device take turns on it."""

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
        """Take one batch and run it; called on the device's thread, without the lock. Must not raise."""


class DeviceThread:
    """Runs calls first, then the queues, for as long as anything waits; it is never idle while work waits.

    The thread takes a batch itself when the device is free. If the event loop delivered batches, the device would be
    idle whenever the loop is busy, and a batch would be formed before all of its possible items are known.
    """

    def __init__(self, name: str, turns: ModelScheduler | None = None) -> None:
        self.lock = threading.Condition()
        """Guards every queue of this device; held for microseconds, never while the device works."""
        self.lost: DeviceLost | None = None
        """Why the device is not used any more; set on the thread."""
        self._turns = turns or ModelScheduler()
        self._calls: deque[Callable[[], None]] = deque()
        self._lines: list[WorkQueue] = []
        self._closing = False
        self._team = ThreadTeam("device")
        self._lap_seconds = 0.0
        self._thread = threading.Thread(target=self._serve, name=f"device-{name}", daemon=True)

    def open(self) -> None:
        """Start the thread."""
        self._thread.start()

    def attach(self, line: WorkQueue) -> None:
        """Add one more model."""
        with self.lock:
            self._lines.append(line)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the thread and of the native pool that computes for it; callable from any thread."""
        return self._team.cpu_seconds()

    def lap_cpu_seconds(self) -> float:
        """Return the CPU time since the previous lap, or since the last call ended; only on the thread.

        One reading a batch instead of two: a reading lists the threads of the process, which is a noticeable part of a
        small batch.
        """
        before_seconds, self._lap_seconds = self._lap_seconds, self._team.cpu_seconds()
        return max(0.0, self._lap_seconds - before_seconds)

    def call(self, work: Callable[[], Result]) -> Future[Result]:
        """Run `work` on the thread, before any further batch; its result or error is the future's."""
        future: Future[Result] = Future()
        with self.lock:
            if self._closing:
                raise RuntimeError(f"{self._thread.name} is closed")
            self._calls.append(partial(self._make_call, future, work))
            self.lock.notify()
        return future

    def close(self, last_calls: Sequence[Callable[[], object]] = ()) -> None:
        """Finish the running batch, make the last calls on the thread and end it; waits for it, may be repeated."""
        for work in () if self._closing else last_calls:
            self.call(work)
        with self.lock:
            self._closing = True
            self.lock.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _serve(self) -> None:
        self._team.join()
        self.lap_cpu_seconds()
        while (step := self._next_step()) is not None:
            step()

    def _make_call(self, future: Future[Result], work: Callable[[], Result]) -> None:
        _settle(future, work)
        self.lap_cpu_seconds()  # what a call costs is no batch's

    def _next_step(self) -> Callable[[], None] | None:
        with self.lock:
            while True:
                if self._calls:
                    return self._calls.popleft()
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
