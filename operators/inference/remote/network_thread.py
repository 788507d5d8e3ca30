"""The thread in which HTTP requests to a server run, for threads that wait for their answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class NetworkThread:
    """An event loop in a thread, from the first call to `close`.

    It starts on the thread of the first call, so that its CPU time counts with that thread's team.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run in the thread, and return or raise what comes of it; `work` limits its own time."""
        return asyncio.run_coroutine_threadsafe(work, self._opened()).result()

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Run something for the last time, and end the thread; may be repeated."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            if last is not None:
                last.close()
            return
        if last is not None:
            asyncio.run_coroutine_threadsafe(last, loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _opened(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="model-server", daemon=True)
                self._thread.start()
            return self._loop
