"""A TCP proxy on loopback whose network can be made bad: slow, narrow, silent, cut, or leading elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from ops.local.loop_thread import LoopThread
from ops.local.ports import LOOPBACK

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Network:
    """How the network behaves, in both directions."""

    delay_seconds: float = 0.0
    """Of each chunk."""
    bytes_per_second: float | None = None
    """Of each connection and direction; None: as fast as it goes."""
    is_silent: bool = False
    """Nothing arrives any more, and no connection ends: what a lost route looks like."""


GOOD = Network()


class Proxy(LoopThread):
    """Passes on what clients and a server say; runs in a thread.

    Args:
        target: `host:port` of the server.
        port: where to listen; 0 takes a free one.
    """

    def __init__(self, target: str, port: int = 0) -> None:
        super().__init__("chaos-proxy")
        self.target = target
        self._wanted_port = port
        self._network = GOOD
        self._changed = asyncio.Event()
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`host:port` for clients; the same from `open` to `close`."""
        return f"{LOOPBACK}:{self.port}"

    def become(self, network: Network) -> None:
        """From now on the network is like this, for connections that exist, too."""
        self.await_there(self._become(network))

    def cut(self) -> None:
        """End every connection; new ones may come at once."""
        self.await_there(self._cut())

    def lead_to(self, target: str) -> None:
        """New connections lead to another server; those that exist end."""
        self.target = target
        self.cut()

    async def listen(self) -> None:
        """See `LoopThread.listen`."""
        self._server = await asyncio.start_server(self._take, LOOPBACK, self._wanted_port, limit=_CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """See `LoopThread.stop_listening`."""
        if self._server is not None:
            self._server.close()
        await self._cut()

    async def _become(self, network: Network) -> None:
        self._network = network
        self._changed.set()
        self._changed = asyncio.Event()

    async def _cut(self) -> None:
        passing = list(self._passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    def _take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(client, to_client))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            server, to_server = await asyncio.open_connection(host, int(port), limit=_CHUNK_BYTES)
        except OSError:  # the server is down; so is its proxy then
            await _hang_up(to_client)
            return
        ways = [asyncio.create_task(self._one_way(*ends)) for ends in ((client, to_server), (server, to_client))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            to_client.transport.abort()
            to_server.transport.abort()

    async def _one_way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # a side that went without a word
            while chunk := await source.read(_CHUNK_BYTES):
                await self._travel(len(chunk))
                sink.write(chunk)
                await sink.drain()

    async def _travel(self, num_bytes: int) -> None:
        while self._network.is_silent:
            await self._changed.wait()
        seconds = self._network.delay_seconds
        if self._network.bytes_per_second is not None:
            seconds += num_bytes / self._network.bytes_per_second
        if seconds:
            await asyncio.sleep(seconds)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
