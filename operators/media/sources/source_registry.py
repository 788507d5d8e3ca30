"""Every kind of source, and the only function that opens media."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from operators.errors import InvalidMedia
from operators.media.sources.address_guard import AddressGuard, Network
from operators.media.sources.checked_resolver import Resolve, resolve_by_system
from operators.media.sources.checksum import require_checksum
from operators.media.sources.file import open_file
from operators.media.sources.http import open_url
from operators.media.sources.http_client import HttpClient
from operators.media.sources.limits import FetchLimits
from operators.media.sources.media_roots import MediaRoot
from operators.media.sources.object_address import parse_object_address
from operators.media.sources.objects import ObjectAccess, ObjectStores, open_object
from operators.media.sources.opened_source import OpenedSource
from operators.media.sources.sizes import require_size
from operators.media.sources.spool import Spool
from operators.media.sources.web_address import parse_web_address
from schemas.uploads import FileSource, MediaSource, ObjectSource, UrlSource


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """Allowed sources; by default only public web addresses."""

    roots: tuple[Path, ...] = ()
    """Folders below which files may be read."""
    allowed_networks: tuple[Network, ...] = ()
    """Networks from which URLs may be fetched in addition to public ones."""
    object_prefixes: tuple[str, ...] = ()
    """Such as `s3://uploads/`."""
    objects: ObjectAccess = field(default_factory=ObjectAccess)


class SourceOpener:
    """Opens media of every kind; one per process, because it owns the connections.

    Args:
        access: allowed sources.
        spool: for fetched media.
        limits: sizes, speeds and attempts; `max_bytes` applies to files, too.
        resolve: from a host name to its addresses.
    """

    def __init__(
        self,
        access: SourceAccess,
        spool: Spool,
        limits: FetchLimits,
        *,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        self._access = access
        self._roots = tuple(MediaRoot(root) for root in access.roots)
        self._spool = spool
        self._limits = limits
        self._client = HttpClient(AddressGuard(access.allowed_networks), limits, resolve)
        self._stores = ObjectStores(access.objects, limits)

    async def open(self, source: MediaSource) -> OpenedSource:
        """Check the source and make it readable; the caller closes it.

        Fetched media may be incomplete when this returns, except if the event has a SHA-256.

        Raises:
            InvalidMedia: the media is at fault, see `operators.errors.MediaCause`.
            SourceUnavailable: the source does not answer now.
            SpoolFull: the disk has no room for it now.
        """
        opened = await self._opened(source)
        try:
            await self._verify(opened, source)
        except BaseException:
            await opened.aclose()
            raise
        return opened

    async def aclose(self) -> None:
        """Close every connection; the callers close opened media before."""
        await self._client.aclose()

    async def _opened(self, source: MediaSource) -> OpenedSource:
        """Open one kind of source; a new kind is a branch here."""
        named_bytes = source.size_bytes
        match source:
            case FileSource():
                max_bytes = self._limits.max_bytes
                return await open_file(source.path, self._roots, max_bytes=max_bytes, named_bytes=named_bytes)
            case UrlSource():
                address = parse_web_address(source.url)
                return await open_url(address, self._client, self._spool, self._limits, named_bytes=named_bytes)
            case ObjectSource():
                where = parse_object_address(source.url, self._access.object_prefixes)
                return await open_object(
                    where,
                    self._stores,
                    self._spool,
                    self._limits,
                    named_etag=source.etag,
                    named_bytes=named_bytes,
                )

    async def _verify(self, opened: OpenedSource, source: MediaSource) -> None:
        # Again: an unannounced length is known only now.
        require_size(opened.name, opened.size_bytes, max_bytes=self._limits.max_bytes, named_bytes=source.size_bytes)
        if source.sha256 is not None:
            await require_checksum(opened, source.sha256)


def source_name(source: MediaSource) -> str:
    """Return a name for messages and logs: never a URL's query, user name or fragment."""
    if isinstance(source, FileSource):
        return source.path
    if isinstance(source, ObjectSource):
        return source.url
    try:
        return parse_web_address(source.url).name
    except InvalidMedia:
        return "an address that is refused"
