"""Resolves names once: the checked addresses are those that are connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from operators.errors import InvalidMedia
from operators.media.sources.address_guard import AddressGuard
from operators.media.sources.retries import TryAgain

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns all addresses of a host name; raises `socket.gaierror`."""

_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


async def resolve_by_system(host: str) -> Sequence[str]:
    """Return the system resolver's addresses of both families."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class CheckedResolver(AbstractResolver):
    """A resolver for aiohttp that returns only permitted addresses."""

    def __init__(self, guard: AddressGuard, timeout_seconds: float, resolve: Resolve = resolve_by_system) -> None:
        self._guard = guard
        self._timeout_seconds = timeout_seconds
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return every address of `host`.

        Raises:
            InvalidMedia: media-missing if the name does not exist, media-address-refused if one of its addresses is not
                permitted.
            TryAgain: names cannot be resolved now.
        """
        del family  # all of them are checked, whichever is used first
        addresses = [ipaddress.ip_address(text) for text in await self._addresses(host)]
        self._guard.require_allowed(host, *addresses)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in dict.fromkeys(addresses)
        ]

    async def close(self) -> None:
        """Do nothing."""

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                addresses = await self._resolve(host)
        except TimeoutError as error:
            raise TryAgain(f"{host} was not resolved within {self._timeout_seconds} s") from error
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                raise InvalidMedia("media-missing", f"there is no host {host!r}") from error
            raise TryAgain(f"{host} cannot be resolved now: {error}") from error
        except UnicodeError as error:  # a name that the system cannot encode
            raise InvalidMedia("media-address-refused", f"{host!r} is not a host name: {error}") from error
        if not addresses:
            raise InvalidMedia("media-missing", f"{host!r} has no address")
        return addresses
