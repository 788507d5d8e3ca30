"""Requests to addresses that producers name: every redirect is checked, and only checked addresses are connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.client_reqrep import ClientResponse

from operators.errors import InvalidMedia
from operators.media.sources.address_guard import AddressGuard
from operators.media.sources.checked_resolver import CheckedResolver, Resolve, resolve_by_system
from operators.media.sources.http_answers import REDIRECTS
from operators.media.sources.limits import FetchLimits
from operators.media.sources.retries import TryAgain
from operators.media.sources.web_address import WebAddress

_PIECE_BYTES = 256 * 1024
_HEADERS = {"User-Agent": "vidsignal", "Accept": "*/*", "Accept-Encoding": "identity"}


class HttpClient:
    """One pool of connections for everything that is fetched by URL; opens with the first request.

    It uses neither proxies of the environment nor cookies nor stored passwords.

    Args:
        guard: checks every address.
        limits: times, and the number of redirects.
        resolve: from a name to its addresses.
    """

    def __init__(self, guard: AddressGuard, limits: FetchLimits, resolve: Resolve = resolve_by_system) -> None:
        self._guard = guard
        self._limits = limits
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def get(
        self, address: WebAddress, headers: Mapping[str, str]
    ) -> AsyncGenerator[tuple[WebAddress, ClientResponse]]:
        """Request `address`, follow redirects, and yield the answer and its final address.

        Raises:
            TryAgain: no answer, or no address now; another attempt may succeed.
            InvalidMedia: media-address-refused or media-missing for a host, media-refused for its redirects or
                certificate.
        """
        for _ in range(self._limits.max_redirects + 1):
            response = await self._ask(address, headers)
            try:
                if response.status not in REDIRECTS:
                    yield address, response
                    return
                address = redirected(address, response)
            finally:
                response.close()
        raise InvalidMedia("media-refused", f"{address.name}: more than {self._limits.max_redirects} redirects")

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, address: WebAddress, headers: Mapping[str, str]) -> ClientResponse:
        if address.literal is not None:
            self._guard.require_allowed(address.name, address.literal)
        try:
            async with asyncio.timeout(2 * self._limits.connect_seconds + self._limits.grace_seconds):
                return await self._opened_session().get(address.url, headers=headers, allow_redirects=False)
        except TimeoutError as error:  # aiohttp's own are TimeoutErrors too
            raise TryAgain("no answer in time") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise InvalidMedia("media-refused", f"{address.name}: the certificate is not valid for it") from error
        except aiohttp.InvalidURL as error:
            raise InvalidMedia("media-address-refused", f"{address.name} cannot be asked for") from error
        except aiohttp.ClientResponseError as error:
            message = f"{address.name}: the answer is not HTTP"
            raise TryAgain(message, at_last=InvalidMedia("media-refused", message)) from error
        except aiohttp.ClientError as error:
            raise TryAgain(f"no connection ({type(error).__name__})") from error

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=CheckedResolver(self._guard, self._limits.connect_seconds, self._resolve),
                    use_dns_cache=False,
                    limit=0,  # admission limits how many media are fetched
                    socket_factory=self._checked_socket,
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _checked_socket(self, found: aiohttp.AddrInfoType) -> socket.socket:
        """Check the address that is about to be connected to."""
        family, kind, protocol, _, place = found
        self._guard.require_allowed(str(place[0]), ipaddress.ip_address(str(place[0])))
        return socket.socket(family, kind, protocol)


async def body(response: ClientResponse) -> AsyncGenerator[bytes]:
    """Yield the body of an answer.

    Raises:
        TryAgain: the connection broke.
    """
    try:
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            yield piece
    except aiohttp.ClientPayloadError:
        return  # shorter than announced: the caller compares lengths
    except (aiohttp.ClientError, OSError) as error:
        raise TryAgain(f"the connection broke ({type(error).__name__})") from error


def redirected(address: WebAddress, response: ClientResponse) -> WebAddress:
    """Return where `response`, which is from `address`, redirects.

    Raises:
        InvalidMedia: media-address-refused, or media-refused: nowhere, or from https to http.
    """
    location = response.headers.get("Location")
    if location is None:
        raise InvalidMedia("media-refused", f"{address.name}: status {response.status} without a Location")
    target = address.joined(location)
    if address.scheme == "https" and target.scheme == "http":
        raise InvalidMedia("media-refused", f"{address.name} redirects from https to http")
    return target
