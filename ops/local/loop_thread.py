"""A server with an event loop in its own thread, so that its owner may block or run another loop."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any

from ops.local.lifetime import Lifetime
from ops.local.ports import LOOPBACK

_TIMEOUT_SECONDS = 20.0


class LoopThread(Lifetime):
    """Listens on a free loopback port from `open` to `close`.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self.port = 0

    @property
    def base_url(self) -> str:
        """`http://host:port`."""
        return f"http://{LOOPBACK}:{self.port}"

    def open(self) -> None:
        """Listen."""
        self._thread.start()
        self.await_there(self.listen())

    def close(self) -> None:
        """Close every connection and end the thread."""
        if self._thread.is_alive():
            self.await_there(self.stop_listening())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_TIMEOUT_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    def await_there(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the server's thread, and return when it has run."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_SECONDS)

    @abstractmethod
    async def listen(self) -> None:
        """Bind a port and set `port`; runs in the server's thread."""

    @abstractmethod
    async def stop_listening(self) -> None:
        """Close every connection; runs in the server's thread."""
