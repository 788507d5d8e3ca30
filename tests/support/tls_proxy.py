"""TLS in front of a server that speaks none: the local Redis is built without it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

from ops.local.loop_thread import LoopThread
from ops.local.ports import LOOPBACK
from tests.support.certificates import KeyPair

_CHUNK_BYTES = 65_536


class TlsProxy(LoopThread):
    """Takes TLS connections on a port of its own and passes on what they say; runs in a thread.

    Args:
        target: `host:port` of the server.
        server: the certificate that it shows.
        client_authority: clients have to show a certificate of that authority; None asks for none.
    """

    def __init__(self, target: str, server: KeyPair, *, client_authority: Path | None = None) -> None:
        super().__init__("vidsignal-tls-proxy")
        self._host, _, port = target.rpartition(":")
        self._target_port = int(port)
        self._context = _server_context(server, client_authority)
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`host:port` for TLS clients."""
        if not self.port:
            raise RuntimeError("the TLS proxy is not open")
        return f"{LOOPBACK}:{self.port}"

    async def listen(self) -> None:
        """See `LoopThread.listen`."""
        self._server = await asyncio.start_server(self._take, LOOPBACK, 0, ssl=self._context, limit=_CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """See `LoopThread.stop_listening`."""
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(client, to_client))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(self._host, self._target_port)
        except OSError:  # the server is unavailable; so is its proxy then
            await _hang_up(to_client)
            return
        # Whichever side ends first ends both.
        await asyncio.gather(_pass_on(client, to_server), _pass_on(server, to_client))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    except (OSError, ssl.SSLError):  # a side that went without a word
        return
    finally:
        await _hang_up(sink)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


def _server_context(server: KeyPair, client_authority: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.certificate_path, server.key_path)
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
