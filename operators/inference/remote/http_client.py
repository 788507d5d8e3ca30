"""HTTP to one model server: its connections, time limits and errors."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.client_reqrep import ClientResponse

from operators.errors import ServerUnavailable
from operators.inference.remote.faults import NoAnswerInTime, status_fault
from operators.inference.remote.server_options import ServerOptions

_HEADERS: Final = {"User-Agent": "vidsignal", "Accept-Encoding": "identity"}
MAX_ANSWER_BYTES: Final = 256 * 1024**2
"""Limit on the memory that a wrong server can take."""
_MAX_ERROR_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer with a status of success."""

    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes


class ServerHttp:
    """The connections to one server, of one event loop. Redirects are not followed: they would lead elsewhere."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._origin = options.endpoint.origin
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        path: str,
        seconds: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send a request, GET without a body and POST with one, and read the answer.

        A request whose connection had been closed meanwhile is sent once more: what is asked for changes nothing.

        Raises:
            RequestRefused, BatchFault, ServerUnavailable, NoAnswerInTime, Overloaded: as `Transport`.
        """
        async with self.opened(path, seconds, body, headers) as response:
            return HttpAnswer(response.headers, await self._read(response, MAX_ANSWER_BYTES))

    @asynccontextmanager
    async def opened(
        self,
        path: str,
        seconds: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[ClientResponse]:
        """As `send`, and let the caller read the body as it arrives; the time limit includes what the caller does."""
        try:
            async with asyncio.timeout(seconds):
                response = await self._ask(path, body, headers)
                try:
                    await self._require_success(response)
                    yield response
                finally:
                    response.release()
        except TimeoutError as error:  # aiohttp's own are TimeoutErrors, too
            raise NoAnswerInTime(self._origin, f"no answer within {seconds:.1f} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise ServerUnavailable(self._origin, "its certificate is not valid for it") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ServerUnavailable(self._origin, f"no connection ({type(error).__name__})") from error

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, path: str, body: bytes | None, headers: Mapping[str, str] | None) -> ClientResponse:
        try:
            return await self._send_once(path, body, headers)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            return await self._send_once(path, body, headers)

    async def _send_once(self, path: str, body: bytes | None, headers: Mapping[str, str] | None) -> ClientResponse:
        return await self._opened_session().request(
            "GET" if body is None else "POST",
            self._options.endpoint.url(path),
            data=None if body is None else io.BytesIO(body),
            headers=headers,
            allow_redirects=False,
        )

    async def _require_success(self, response: ClientResponse) -> None:
        if response.status != 200:
            message = (await self._read(response, _MAX_ERROR_BYTES)).decode("utf-8", "replace")
            raise status_fault(self._origin, response.status, message)

    async def _read(self, response: ClientResponse, max_bytes: int) -> bytes:
        pieces, num_bytes = [], 0
        async for piece in response.content.iter_any():
            pieces.append(piece)
            num_bytes += len(piece)
            if num_bytes > max_bytes:
                response.close()
                raise ServerUnavailable(self._origin, f"answered more than {max_bytes} bytes")
        return b"".join(pieces)

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls()),  # threads limit the requests
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._options.connect_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS | self._options.headers(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _tls(self) -> ssl.SSLContext | bool:
        if not self._options.endpoint.is_encrypted:
            return True
        return ssl.create_default_context(cafile=self._options.ca_file)
