"""LitServe: an HTTP server in processes of its own, which collects requests into batches. Items travel as raw bytes."""

from __future__ import annotations

from typing import Any

import aiohttp
import numpy as np

from ops.bench.inference.benched_model import BenchedModel, items_of
from ops.bench.inference.server_child import ServerChild
from ops.local.ports import LOOPBACK, ReservedPort

_HEADERS = {"Content-Type": "application/octet-stream"}
_KEEP_ALIVE_SECONDS = 3000.0
"""Less than the server's, so that a connection is never closed while a request starts."""


class LitServeCompetitor:
    """A client with connections that stay open."""

    def __init__(self, benched: BenchedModel) -> None:
        self._benched = benched
        self.sizes = benched.sizes

    async def open(self) -> None:
        """See `BatchingCompetitor.open`."""
        self._port = ReservedPort()
        self._url = f"http://{LOOPBACK}:{self._port.number}/predict"
        self._server = ServerChild("ops.bench.inference.litserve_server", self._benched, [self._port.number])
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        )
        item = items_of(self._benched.card)[0]
        await self._server.await_answer(lambda: self.ask(item))

    async def ask(self, item: np.ndarray) -> object:
        """See `BatchingCompetitor.ask`."""
        async with self._session.post(self._url, data=item.tobytes(), headers=_HEADERS) as response:
            response.raise_for_status()
            return np.frombuffer(await response.read(), dtype=np.float32)

    def counts(self) -> dict[str, Any]:
        """See `BatchingCompetitor.counts`."""
        return {}

    async def close(self) -> None:
        """See `BatchingCompetitor.close`."""
        await self._session.close()
        self._server.stop()
        self._port.close()
