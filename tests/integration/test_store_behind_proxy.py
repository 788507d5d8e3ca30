"""A Redis behind a proxy that takes connections and drops them while Redis is down: waited for like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from streams.store.client import BoundedBackoff, open_store
from streams.store.rollback_detector import RollbackDetector

NUM_DROPPED = 150
"""More connections than Python nests calls, at some twenty a connection."""


class DroppingProxy:
    """Drops so many connections as soon as they are there, then passes them on to a Redis."""

    def __init__(self, url: str, num_dropped: int) -> None:
        host, _, port = url.removeprefix("redis://").removesuffix("/0").rpartition(":")
        self._target = (host, int(port))
        self.num_left = num_dropped

    async def take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.num_left:
            self.num_left -= 1
            to_client.close()
            return
        server, to_server = await asyncio.open_connection(*self._target)
        await asyncio.gather(_pass_on(client, to_server), _pass_on(server, to_client))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def proxied(proxy: DroppingProxy) -> AsyncIterator[str]:
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"redis://{host}:{port}/0"
    server.close()


@pytest.mark.parametrize("is_rollback_checked", [True, False])
async def test_dropped_connections_are_waited_out(
    redis_url: str, is_rollback_checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are dropped in a row, the command that waits is answered in the end, and ends nobody."""
    monkeypatch.setattr(BoundedBackoff, "compute", lambda self, failures: 0.0)
    proxy = DroppingProxy(redis_url, NUM_DROPPED)
    async with proxied(proxy) as url:
        client = open_store(url, rollback_detector=RollbackDetector() if is_rollback_checked else None)
        assert await client.set("key", "value")
        assert proxy.num_left == 0
        proxy.num_left = NUM_DROPPED
        await client.connection_pool.disconnect()
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.get("key")
            assert await pipeline.execute() == [b"value"]
        await client.aclose()
