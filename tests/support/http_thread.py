"""An aiohttp server in a thread of its own, so that anyone who started it may block or run another loop."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Any

from aiohttp import web

from ops.local.loop_thread import LoopThread
from ops.local.ports import LOOPBACK


class HttpThread(LoopThread):
    """Serves every request with `answer`, from `open` to `close`.

    Args:
        port: of loopback; 0: a free one.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__("vidsignal-http")
        self._wanted_port = port
        self._runner: web.ServerRunner | None = None

    @abstractmethod
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; runs in the server's thread."""

    def call(self, action: Any) -> None:
        """Run a plain function in the server's thread, and return when it ran."""

        async def run() -> None:
            action()

        self.await_there(run())

    async def listen(self) -> None:
        """See `LoopThread.listen`."""
        server = web.Server(self._answer_or_leave, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self._wanted_port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer_or_leave(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self.answer(request)
        except ConnectionError:  # the client has gone, or was cut off
            return web.Response(status=500)

    async def stop_listening(self) -> None:
        """See `LoopThread.stop_listening`."""
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:  # first, since the runner would wait for those that stall
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
