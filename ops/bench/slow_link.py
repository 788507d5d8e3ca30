"""A link with a limited speed before a local server: loopback would hide the cost of fetching."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from ops.local.loop_thread import LoopThread
from ops.local.ports import LOOPBACK

_PIECE_BYTES = 32 * 1024


class SlowLink(LoopThread):
    """A TCP proxy in a separate thread; all connections share its speed.

    Args:
        port: of the server behind it, on loopback.
        bits_per_second: from the server to its clients, over all connections.
        delay_seconds: round-trip time, added to each message of a client.
    """

    def __init__(self, port: int, bits_per_second: float, delay_seconds: float) -> None:
        super().__init__("vidsignal-slow-link")
        self._server_port = port
        self._bits_per_second = bits_per_second
        self._delay_seconds = delay_seconds
        self._free_at_seconds = 0.0
        self._pumps: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """See `LoopThread.listen`."""
        self._server = await asyncio.start_server(self._connect, LOOPBACK, 0, limit=_PIECE_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """See `LoopThread.stop_listening`."""
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server_port, limit=_PIECE_BYTES)
        for pump in (self._forward(reader, to_server), self._deliver(from_server, writer)):
            task = asyncio.ensure_future(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _forward(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await reader.read(_PIECE_BYTES):
                await asyncio.sleep(self._delay_seconds)
                to_server.write(said)
                await to_server.drain()
        to_server.close()

    async def _deliver(self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await from_server.read(_PIECE_BYTES):
                await self._occupy(len(piece))
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def _occupy(self, num_bytes: int) -> None:
        """Wait for the transmission of the bytes, after those that were queued before."""
        start = max(self._free_at_seconds, monotonic())
        self._free_at_seconds = start + num_bytes * 8 / self._bits_per_second
        await asyncio.sleep(self._free_at_seconds - monotonic())
