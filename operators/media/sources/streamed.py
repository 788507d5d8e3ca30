"""Media that can only be fetched from the first byte to the last, because its origin supports no ranges."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from operators.errors import THIS_MACHINE, InvalidMedia, MachineUnavailable, SourceUnavailable
from operators.media.sources.chunk_reading import joined, require_end
from operators.media.sources.limits import FetchLimits
from operators.media.sources.retries import with_retries
from operators.media.sources.spool import SpoolFile


class StreamedOrigin(Protocol):
    """An object that can be read from its beginning only."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def origin(self) -> str:
        """The server, for `SourceUnavailable`."""

    def read_all(self) -> AsyncGenerator[bytes]:
        """Yield the whole body, in one request; raises as `RangedOrigin.read` does."""


class StreamedSource:
    """An `OpenedSource` that fetches in the background, from `start` on.

    An interrupted body is requested again; what was written already is compared, so that a changed object is noticed
    even without headers that show it.

    Args:
        origin: what is fetched.
        file: the target; grows if the length is unknown.
        size_bytes: as announced; None if unknown, then `size_bytes` is right when `ensure_all` has returned.
        max_bytes: limit of a body of unknown length.
        limits: of requests.
    """

    def __init__(
        self, origin: StreamedOrigin, file: SpoolFile, size_bytes: int | None, max_bytes: int, limits: FetchLimits
    ) -> None:
        self._origin = origin
        self._file = file
        self._announced_bytes = size_bytes
        self._max_bytes = max_bytes
        self._limits = limits
        self._position = 0
        self._moved = asyncio.Event()
        self._fetching: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.is_whole = False
        self.bytes_fetched = 0

    @property
    def fd(self) -> int:
        """See `OpenedSource`."""
        return self._file.fd

    @property
    def size_bytes(self) -> int:
        """See `OpenedSource`."""
        return self._position if self._announced_bytes is None else self._announced_bytes

    @property
    def name(self) -> str:
        """See `OpenedSource`."""
        return self._origin.name

    def start(self) -> None:
        """Start fetching, from the first byte."""
        self._failure = None
        self._fetching = asyncio.create_task(self._fetch())

    async def ensure(self, start: int, stop: int) -> None:
        """See `OpenedSource`."""
        del start  # bytes before `stop` arrive first anyway
        if isinstance(self._failure, SourceUnavailable):
            self.start()
        while not self.is_whole and self._position < min(stop, self._announced_bytes or stop):
            if self._failure is not None:
                raise self._failure
            await self._moved.wait()

    async def ensure_all(self) -> None:
        """Return when every byte is local; then the length is known. Raises as `ensure` does."""
        await self.ensure(0, self._max_bytes + 1)

    async def aclose(self) -> None:
        """See `OpenedSource`."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        self._file.close()

    async def _fetch(self) -> None:
        try:
            await with_retries(self._origin.origin, self._attempt, self._limits)
            if self._announced_bytes is None:
                self._file.shrink(self._position)
                self._announced_bytes = self._position
            self.is_whole = True
        except Exception as failure:  # any error is raised to those who wait for bytes
            self._failure = failure
        finally:
            self._move()

    async def _attempt(self) -> None:
        position = 0
        async with aclosing(joined(self._origin.read_all(), self._limits.probe_bytes)) as pieces:
            async for piece in pieces:
                self.bytes_fetched += len(piece)
                self._make_room(position + len(piece))
                await self._compare(position, piece)
                position += len(piece)
                await self._append(position, piece)
        require_end(self.name, position, self._announced_bytes or self._position)

    def _make_room(self, stop: int) -> None:
        if self._announced_bytes is not None:
            if stop > self._announced_bytes:
                require_end(self.name, stop, self._announced_bytes)
        elif stop > self._max_bytes:
            raise InvalidMedia("media-too-large", f"{self.name} has more than {self._max_bytes} bytes")
        elif stop > self._file.size_bytes:
            self._file.grow(min(self._max_bytes, max(stop, 2 * self._file.size_bytes)))

    async def _compare(self, position: int, piece: bytes) -> None:
        """Compare with what an earlier attempt wrote."""
        known = min(len(piece), self._position - position)
        if known > 0 and await self._reread(known, position) != piece[:known]:
            raise InvalidMedia("media-changed", f"{self.name} became another object while it was read")

    async def _reread(self, count: int, position: int) -> bytes:
        try:
            return await asyncio.to_thread(os.pread, self.fd, count, position)
        except OSError as error:
            raise MachineUnavailable(THIS_MACHINE, f"the spool cannot be read: {error.strerror}") from error

    async def _append(self, stop: int, piece: bytes) -> None:
        num_new = min(len(piece), stop - self._position)
        if num_new > 0:
            await self._file.write(self._position, memoryview(piece)[len(piece) - num_new :])
            self._position = stop
            self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
