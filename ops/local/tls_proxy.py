"""TLS in front of a server that speaks none: the local Redis is built without it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from ops.local.certificates import KeyPair
from ops.local.lifetime import Lifetime
from ops.local.ports import LOOPBACK, ReservedPort

_CHUNK_BYTES = 65_536
_STOP_SECONDS = 10.0


class TlsProxy(Lifetime):
    """Takes TLS connections on a port of its own and passes on what they say; runs in a thread.

    Args:
        target: `host:port` of the server.
        server: the certificate that it shows.
        client_authority: clients have to show a certificate of that authority; None asks for none.
    """

    def __init__(self, target: str, server: KeyPair, *, client_authority: Path | None = None) -> None:
        self._host, _, port = target.rpartition(":")
        self._target_port = int(port)
        self._context = _server_context(server, client_authority)
        self._port: ReservedPort | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vidsignal-tls-proxy", daemon=True)
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`host:port` for TLS clients."""
        if self._port is None:
            raise RuntimeError("the TLS proxy is not open")
        return self._port.address

    def open(self) -> None:
        """Listen."""
        self._port = ReservedPort()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(self._port.number), self._loop).result(_STOP_SECONDS)

    def close(self) -> None:
        """Cut every connection and give the port back."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_STOP_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_SECONDS)
        self._loop.close()
        if self._port is not None:
            self._port.close()
            self._port = None

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(
            self._take, LOOPBACK, port, ssl=self._context, reuse_address=True, limit=_CHUNK_BYTES
        )

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._pass(client, to_client))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(self._host, self._target_port)
        except OSError:  # the server is away; so is its proxy then
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
