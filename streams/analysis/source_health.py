"""Media sources as the worker sees them: a breaker for each origin, and metrics of fetched bytes."""

from __future__ import annotations

from urllib.parse import urlsplit

from operators.errors import InvalidMedia, MachineUnavailable, SourceUnavailable
from operators.media.session import MediaOpener
from operators.media.sources.opened_source import OpenedSource
from schemas.uploads import FileSource, MediaSource, UrlSource
from streams.delivery.breaker import Breakers
from streams.observability import metrics

_DEFAULT_PORTS = {"http": 80, "https": 443}


class WatchedOpener:
    """Opens media, and requests an unavailable origin only if its breaker permits it.

    Args:
        opener: opens allowed sources.
        breakers: of all origins.
    """

    def __init__(self, opener: MediaOpener, breakers: Breakers) -> None:
        self._opener = opener
        self._breakers = breakers
        self.bytes_fetched = 0
        """Bytes of all media; grows while anything arrives."""

    async def open(self, source: MediaSource) -> OpenedSource:
        """See `MediaOpener`; an origin whose breaker is open counts as unavailable without a request."""
        origin = origin_of(source)
        if origin is None:
            return await self._opener.open(source)
        self._breakers.require(origin)
        try:
            opened = await self._opener.open(source)
        except InvalidMedia as fault:
            if fault.cause != "media-address-refused":  # otherwise no request was sent
                self._breakers.answered(origin)
            raise
        except SourceUnavailable as unavailable:
            raise self.judged(unavailable, origin) from unavailable
        self._breakers.answered(origin)
        watched = WatchedSource(opened, origin, "url" if isinstance(source, UrlSource) else "object", self)
        watched.tell()
        return watched

    def judged(self, unavailable: SourceUnavailable, origin: str) -> SourceUnavailable:
        """Count a failure against the origin that the event names, also after a redirect; a full disk is not the
        origin's fault."""
        if isinstance(unavailable, MachineUnavailable):
            return unavailable
        self._breakers.failed(origin)
        return unavailable if unavailable.origin == origin else SourceUnavailable(origin, str(unavailable))

    def arrived(self, num_bytes: int, kind: str, origin: str) -> None:
        """Count received bytes."""
        self.bytes_fetched += num_bytes
        metrics.SOURCE_BYTES.labels(kind).inc(num_bytes)
        self._breakers.answered(origin)


class WatchedSource:
    """See `OpenedSource`; reports success and failure to its opener."""

    def __init__(self, opened: OpenedSource, origin: str, kind: str, opener: WatchedOpener) -> None:
        self._opened = opened
        self._origin = origin
        self._kind = kind
        self._opener = opener
        self._num_told = 0

    @property
    def fd(self) -> int:
        """See `OpenedSource`."""
        return self._opened.fd

    @property
    def size_bytes(self) -> int:
        """See `OpenedSource`."""
        return self._opened.size_bytes

    @property
    def name(self) -> str:
        """See `OpenedSource`."""
        return self._opened.name

    @property
    def is_whole(self) -> bool:
        """See `OpenedSource`."""
        return self._opened.is_whole

    @property
    def bytes_fetched(self) -> int:
        """See `OpenedSource`."""
        return self._opened.bytes_fetched

    async def ensure(self, start: int, stop: int) -> None:
        """See `OpenedSource`."""
        try:
            await self._opened.ensure(start, stop)
        except SourceUnavailable as unavailable:
            self.tell()
            raise self._opener.judged(unavailable, self._origin) from unavailable
        self.tell()

    async def aclose(self) -> None:
        """See `OpenedSource`."""
        await self._opened.aclose()
        self.tell()

    def tell(self) -> None:
        """Count what arrived since the last call."""
        num_new = self._opened.bytes_fetched - self._num_told
        if num_new:
            self._num_told += num_new
            self._opener.arrived(num_new, self._kind, self._origin)


def origin_of(source: MediaSource) -> str | None:
    """Return the origin: scheme, host and port, or a bucket; None for files, and for addresses without one."""
    if isinstance(source, FileSource):
        return None
    try:
        parts = urlsplit(source.url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
