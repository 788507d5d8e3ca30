"""An aiohttp server in a thread of its own, so that whoever started it may block or run another loop."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from ops.local.lifetime import Lifetime
from ops.local.ports import LOOPBACK

_PATIENCE_SECONDS = 20.0


class HttpThread(Lifetime):
    """Serves every request with `answer`, at a free loopback port, from `open` to `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vidsignal-http", daemon=True)
        self._runner: web.ServerRunner | None = None
        self.port = 0

    @abstractmethod
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; runs in the server's thread."""

    @property
    def base_url(self) -> str:
        """`http://host:port`."""
        return f"http://{LOOPBACK}:{self.port}"

    def open(self) -> None:
        """Listen."""
        self._thread.start()
        self._await(self._listen())

    def close(self) -> None:
        """Drop every connection and end the thread."""
        if self._thread.is_alive():
            self._await(self._stop_listening())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    def call(self, action: Any) -> None:
        """Run a plain function in the server's thread, and return when it ran."""

        async def run() -> None:
            action()

        self._await(run())

    async def _listen(self) -> None:
        server = web.Server(self._answer_or_leave, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer_or_leave(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self.answer(request)
        except ConnectionError:  # the client has gone, or was cut off
            return web.Response(status=500)

    async def _stop_listening(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:  # first, since the runner would wait for those that stall
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_SECONDS)
