"""Media at an http or https address: by ranges if the origin supports them, otherwise from its first answer on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from aiohttp.client_reqrep import ClientResponse

from operators.errors import InvalidMedia
from operators.media.sources.chunk_reading import Pieces, paced, require_end
from operators.media.sources.http_answers import (
    ContentRange,
    Validators,
    announced_bytes,
    content_range,
    require_media,
    validators_of,
)
from operators.media.sources.http_client import HttpClient, body
from operators.media.sources.limits import FetchLimits
from operators.media.sources.opened_source import OpenedSource
from operators.media.sources.ranged import open_ranged
from operators.media.sources.retries import TryAgain, with_retries
from operators.media.sources.sizes import require_size
from operators.media.sources.spool import Spool
from operators.media.sources.streamed import StreamedSource
from operators.media.sources.web_address import WebAddress

_MAY_BE_A_STALE_REDIRECT = frozenset({"media-missing", "media-forbidden"})


async def open_url(
    address: WebAddress, client: HttpClient, spool: Spool, limits: FetchLimits, *, named_bytes: int | None
) -> OpenedSource:
    """Determine the size with one request, wait for room, and start.

    Raises:
        InvalidMedia: see `operators.errors.MediaCause`.
        SourceUnavailable: the origin does not answer now, or the disk is full (`SpoolFull`).
    """
    medium = HttpMedium(address, client, limits)
    try:
        head = await medium.probe()
        if medium.announced_bytes is not None:
            require_size(medium.name, medium.announced_bytes, max_bytes=limits.max_bytes, named_bytes=named_bytes)
        if medium.accepts_ranges:
            return await open_ranged(medium, head, spool, limits)
        return await _streamed(medium, spool, limits)
    except BaseException:
        await medium.let_go()
        raise


async def _streamed(medium: HttpMedium, spool: Spool, limits: FetchLimits) -> OpenedSource:
    max_bytes = min(limits.max_bytes, spool.capacity_bytes)
    num_bytes = medium.announced_bytes or min(max_bytes, limits.unannounced_bytes)
    if not spool.has_room(num_bytes):
        await medium.let_go()  # an origin does not keep its answer open for as long as a wait for room may take
    file = await spool.reserve(num_bytes, medium.name)
    source = StreamedSource(medium, file, medium.announced_bytes, max_bytes, limits)
    try:
        source.start()
        if medium.announced_bytes is None:
            await source.ensure_all()
    except BaseException:
        await source.aclose()
        raise
    return source


class HttpMedium:
    """One object behind a URL: a `RangedOrigin` and a `StreamedOrigin`. `probe` first."""

    def __init__(self, address: WebAddress, client: HttpClient, limits: FetchLimits) -> None:
        self._named = address
        self._address = address
        self._client = client
        self._limits = limits
        self._validators = Validators(None, None)
        self._first_answer: tuple[AsyncExitStack, ClientResponse] | None = None
        self.accepts_ranges = False
        self.announced_bytes: int | None = None

    @property
    def name(self) -> str:
        """The named address, without its query."""
        return self._named.name

    @property
    def origin(self) -> str:
        """Origin of the named address."""
        return self._named.origin

    @property
    def size_bytes(self) -> int:
        """Length of the whole object, once it is announced."""
        if self.announced_bytes is None:
            raise ValueError(f"{self.name} has not announced its length")
        return self.announced_bytes

    async def probe(self) -> bytes:
        """Request the first bytes.

        Returns:
            The bytes, if the origin supports ranges. Otherwise nothing: its answer is kept for `read_all`.

        Raises:
            InvalidMedia: see `http_answers.require_media`, and media-address-refused.
            SourceUnavailable: no answer after a few attempts.
        """
        return await with_retries(self.origin, self._probe, self._limits)

    async def read(self, start: int, stop: int) -> Pieces:
        """See `RangedOrigin.read`."""
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if self._validators.strong_etag is not None:
            headers["If-Range"] = self._validators.strong_etag
        async with AsyncExitStack() as stack:
            response = await self._answer(stack, headers)
            self._require_same(response)
            part = self._part(response, start, stop)
            async with aclosing(paced(self.name, body(response), self._limits)) as pieces:
                async for piece in self._bounded(pieces, part):
                    yield piece

    async def read_all(self) -> Pieces:
        """See `StreamedOrigin.read_all`."""
        first, self._first_answer = self._first_answer, None
        async with AsyncExitStack() as stack:
            if first is not None:
                stack.push_async_callback(first[0].aclose)
            response = first[1] if first is not None else await self._answer(stack, {})
            self._require_same(response)
            if response.status == 206:
                raise InvalidMedia("media-refused", f"{self.name}: a part, though the whole was asked for")
            async with aclosing(paced(self.name, body(response), self._limits)) as pieces:
                async for piece in pieces:
                    yield piece

    async def let_go(self) -> None:
        """Close the first answer, if it was not read."""
        if self._first_answer is not None:
            stack, self._first_answer = self._first_answer[0], None
            await stack.aclose()

    async def _probe(self) -> bytes:
        async with AsyncExitStack() as stack:
            response = await self._answer(stack, {"Range": f"bytes=0-{self._limits.probe_bytes - 1}"})
            part = content_range(self.name, response.headers) if response.status == 206 else None
            if part is not None and part.size_bytes is None:  # ranges without a length are not useful
                await stack.aclose()
                response, part = await self._answer(stack, {}), None
            self._validators = validators_of(response.headers)
            if part is not None:
                self.accepts_ranges, self.announced_bytes = True, part.size_bytes
                return await self._head(response, part)
            self.announced_bytes = announced_bytes(self.name, response.headers)
            self._first_answer = (stack.pop_all(), response)
            return b""

    async def _head(self, response: ClientResponse, part: ContentRange) -> bytes:
        if part.start != 0 or part.stop > self._limits.probe_bytes:
            raise self._wrong_part(part)
        head = bytearray()
        async with aclosing(paced(self.name, body(response), self._limits)) as pieces:
            async for piece in self._bounded(pieces, part):
                head += piece
        require_end(self.name, len(head), part.stop)
        return bytes(head)

    async def _answer(self, stack: AsyncExitStack, headers: dict[str, str]) -> ClientResponse:
        """An answer with media, from where the last one came from: redirects are not walked for every range."""
        asked = self._address
        try:
            address, response = await stack.enter_async_context(self._client.get(asked, headers))
            require_media(self.name, response.status, response.headers)
        except InvalidMedia as refusal:
            if asked == self._named or refusal.cause not in _MAY_BE_A_STALE_REDIRECT:
                raise
            self._address = self._named  # its target may have been signed for a limited time
            raise TryAgain(refusal.message, at_last=refusal) from refusal
        self._address = address
        return response

    def _require_same(self, response: ClientResponse) -> None:
        if self._validators.contradict(validators_of(response.headers)):
            raise InvalidMedia("media-changed", f"{self.name} became another object while it was read")

    def _part(self, response: ClientResponse, start: int, stop: int) -> ContentRange:
        if response.status != 206:
            message = f"{self.name}: no range any more, status {response.status}"
            raise TryAgain(message, at_last=InvalidMedia("media-changed", message))
        part = content_range(self.name, response.headers)
        if part.size_bytes not in (None, self.announced_bytes):
            raise InvalidMedia("media-changed", f"{self.name} had {self.announced_bytes} bytes, now {part.size_bytes}")
        if part.start != start or part.stop > stop:
            raise self._wrong_part(part)
        return part

    def _wrong_part(self, part: ContentRange) -> InvalidMedia:
        return InvalidMedia(
            "media-size-mismatch", f"{self.name}: bytes {part.start} to {part.stop} came, others were asked for"
        )

    async def _bounded(self, pieces: Pieces, part: ContentRange) -> AsyncGenerator[bytes]:
        position = part.start
        async for piece in pieces:
            position += len(piece)
            if position > part.stop:
                require_end(self.name, position, part.stop)
            yield piece
