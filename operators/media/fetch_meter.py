"""Counts the CPU time of an awaited call: of its own steps on the event loop, not of others between them."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

from operators.internal_errors import boundary
from operators.media.decoder_client import Ensure
from operators.media.sources.opened_source import OpenedSource

Result = TypeVar("Result")


class FetchMeter:
    """Adds up the CPU time of fetching.

    Args:
        total: another meter, which adds up this one's time and that of others.
    """

    def __init__(self, total: FetchMeter | None = None) -> None:
        self.cpu_seconds = 0.0
        self._total = total

    def add(self, cpu_seconds: float) -> None:
        """Count one step."""
        self.cpu_seconds += cpu_seconds
        if self._total is not None:
            self._total.add(cpu_seconds)

    async def counted(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await `work` and count its steps; returns and raises what it does."""
        return await _Counted(work, self)


def ensuring(media: OpenedSource, meter: FetchMeter) -> Ensure:
    """Return the function with which a decode requests byte ranges; fetching them is counted."""

    async def ensure(start: int, stop: int) -> None:
        with boundary("source"):
            await meter.counted(media.ensure(start, stop))

    return ensure


class _Counted(Generic[Result]):
    """Drives a coroutine as `await` does, and reads the thread's clock around each step."""

    def __init__(self, work: Coroutine[Any, Any, Result], meter: FetchMeter) -> None:
        self._work = work
        self._meter = meter

    def __await__(self) -> Generator[Any, Any, Result]:
        failure: BaseException | None = None
        while True:
            began_seconds = time.thread_time()
            try:
                awaited = self._work.send(None) if failure is None else self._work.throw(failure)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            finally:
                self._meter.add(time.thread_time() - began_seconds)
            try:
                failure = None
                yield awaited
            except BaseException as error:  # thrown in from outside, such as a cancellation: handled by the work
                failure = error
