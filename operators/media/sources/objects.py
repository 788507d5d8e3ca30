"""Media in an object store for which the workers have credentials: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.chunk_reading import Pieces, paced, require_end
from operators.media.sources.limits import FetchLimits
from operators.media.sources.object_address import ObjectAddress
from operators.media.sources.object_failures import OBJECT_STORE_ERRORS, is_behind_the_end, meaning
from operators.media.sources.opened_source import OpenedSource
from operators.media.sources.ranged import open_ranged
from operators.media.sources.retries import TryAgain, with_retries
from operators.media.sources.sizes import require_size
from operators.media.sources.spool import Spool

if TYPE_CHECKING:
    from obstore import GetOptions  # exists for type checkers only

Store = S3Store | GCSStore | AzureStore
_PIECE_BYTES = 256 * 1024
_STORES: Mapping[str, Callable[..., Store]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """Configuration of the stores, with obstore's keys.

    Everything else comes from each cloud's usual places: `AWS_...`, `GOOGLE_...` and `AZURE_...` variables, workload
    identity, the machine's metadata service.
    """

    s3: Mapping[str, str] = field(default_factory=dict)
    gs: Mapping[str, str] = field(default_factory=dict)
    az: Mapping[str, str] = field(default_factory=dict)

    def of(self, scheme: str) -> dict[str, str]:
        """Return the configuration for `s3`, `gs` or `az`."""
        return dict({"s3": self.s3, "gs": self.gs, "az": self.az}[scheme])


class ObjectStores:
    """One client per bucket."""

    def __init__(self, access: ObjectAccess, limits: FetchLimits) -> None:
        self._access = access
        self._limits = limits
        self._stores: dict[str, Store] = {}

    def store(self, address: ObjectAddress) -> Store:
        """Return the client for the object's bucket.

        Raises:
            SourceUnavailable: the configuration is incomplete, such as no account for Azure.
        """
        if address.origin not in self._stores:
            try:
                self._stores[address.origin] = self._made(address)
            except (*OBJECT_STORE_ERRORS, ValueError) as error:
                raise SourceUnavailable(address.origin, f"no client: {str(error).splitlines()[0]}") from error
        return self._stores[address.origin]

    def _made(self, address: ObjectAddress) -> Store:
        longest = self._limits.grace_seconds + self._limits.max_request_bytes / self._limits.min_bytes_per_second
        return _STORES[address.scheme](
            address.bucket,
            # Not as `client_options`, which would replace those of the environment, such as AWS_ALLOW_HTTP.
            config={
                "connect_timeout": f"{self._limits.connect_seconds * 1_000:.0f} ms",
                "timeout": f"{2 * longest:.0f} s",  # a last resort: `paced` ends it earlier
                **self._access.of(address.scheme),
            },
            retry_config={"max_retries": 0},  # `with_retries` decides what is worth another attempt
        )


async def open_object(
    address: ObjectAddress,
    stores: ObjectStores,
    spool: Spool,
    limits: FetchLimits,
    *,
    named_etag: str | None,
    named_bytes: int | None,
) -> OpenedSource:
    """Determine the size with one request, wait for room, and start.

    Raises:
        InvalidMedia: see `operators.errors.MediaCause`.
        SourceUnavailable: the store does not answer now, refuses our credentials, or the disk is full (`SpoolFull`).
    """
    medium = ObjectMedium(address, stores.store(address), limits)
    head = await medium.probe(named_etag)
    require_size(medium.name, medium.size_bytes, max_bytes=limits.max_bytes, named_bytes=named_bytes)
    return await open_ranged(medium, head, spool, limits)


class ObjectMedium:
    """One object: a `RangedOrigin`. `probe` first."""

    def __init__(self, address: ObjectAddress, store: Store, limits: FetchLimits) -> None:
        self._address = address
        self._store = store
        self._limits = limits
        self._etag: str | None = None
        self.size_bytes = 0

    @property
    def name(self) -> str:
        """`s3://bucket/key`."""
        return self._address.name

    @property
    def origin(self) -> str:
        """`s3://bucket`."""
        return self._address.origin

    async def probe(self, named_etag: str | None) -> bytes:
        """Request the first bytes, with the object's entity tag.

        Args:
            named_etag: the tag in the event, with or without its quotes.

        Raises:
            InvalidMedia: see `object_failures.meaning`; media-empty; media-changed if it is not `named_etag`.
            SourceUnavailable: no answer after a few attempts, or our credentials are refused.
        """
        head = await with_retries(self.origin, self._probe, self._limits)
        if named_etag is not None and (self._etag or "").strip('"') != named_etag.strip('"'):
            raise InvalidMedia("media-changed", f"{self.name} has the tag {self._etag}; the event says {named_etag}")
        return head

    async def read(self, start: int, stop: int) -> Pieces:
        """See `RangedOrigin.read`."""
        answer = await self._ask(start, stop)
        if (answer.meta["e_tag"], answer.meta["size"]) != (self._etag, self.size_bytes):
            raise InvalidMedia("media-changed", f"{self.name} became another object while it was read")
        async with aclosing(paced(self.name, self._body(answer), self._limits)) as pieces:
            async for piece in pieces:
                yield piece

    async def _probe(self) -> bytes:
        try:
            answer = await self._ask(0, self._limits.probe_bytes)
        except TryAgain as failure:
            if failure.__cause__ is not None and is_behind_the_end(failure.__cause__):  # type: ignore[arg-type]
                raise InvalidMedia("media-empty", f"{self.name} has no bytes") from failure
            raise
        self._etag, self.size_bytes = answer.meta["e_tag"], answer.meta["size"]
        head = bytearray()
        async with aclosing(paced(self.name, self._body(answer), self._limits)) as pieces:
            async for piece in pieces:
                head += piece
        require_end(self.name, len(head), min(self._limits.probe_bytes, self.size_bytes))
        return bytes(head)

    async def _ask(self, start: int, stop: int) -> Any:
        options: GetOptions = {"range": (start, stop)}
        if self._etag is not None:  # obstore accepts no None, in spite of its types
            options["if_match"] = self._etag
        try:
            async with asyncio.timeout(2 * self._limits.connect_seconds + self._limits.grace_seconds):
                return await obstore.get_async(self._store, self._address.key, options=options)
        except TimeoutError as error:
            raise TryAgain("no answer in time") from error
        except OBJECT_STORE_ERRORS as error:
            raise meaning(error, self._address) from error

    async def _body(self, answer: Any) -> Pieces:
        try:
            async for piece in answer.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)
        except OBJECT_STORE_ERRORS as error:
            raise TryAgain(f"{self.name}: the connection broke") from error
