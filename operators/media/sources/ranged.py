"""Media of which only requested parts are fetched, in blocks, into a sparse file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.chunk_reading import joined, require_end
from operators.media.sources.limits import FetchLimits
from operators.media.sources.retries import with_retries
from operators.media.sources.spool import Spool, SpoolFile


class RangedOrigin(Protocol):
    """An object of known length that can be read in ranges, and that is checked to be unchanged."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def origin(self) -> str:
        """The server, for `SourceUnavailable`."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Yield bytes `[start, stop)`, in one request.

        Raises:
            TryAgain: another attempt may succeed, from where this one ended.
            InvalidMedia: missing, changed, not as announced.
            SourceUnavailable: unavailable, and not worth another attempt now.
        """


async def open_ranged(origin: RangedOrigin, head: bytes, spool: Spool, limits: FetchLimits) -> RangedSource:
    """Wait for room, and start with the bytes of a first request. Raises SpoolFull, a `SourceUnavailable`."""
    source = RangedSource(origin, await spool.reserve(origin.size_bytes, origin.name), limits)
    try:
        await source.put_head(head)
    except BaseException:
        await source.aclose()
        raise
    return source


class RangedSource:
    """An `OpenedSource` over a `RangedOrigin`.

    Overlapping calls of `ensure` share requests. A failure is raised by every call that waits for a byte of the failed
    request; if the media is at fault, also by every later call.

    Args:
        origin: what is fetched.
        file: the target, as long as the origin's object.
        limits: sizes and numbers of requests.
    """

    def __init__(self, origin: RangedOrigin, file: SpoolFile, limits: FetchLimits) -> None:
        self._origin = origin
        self._file = file
        self._limits = limits
        self._is_here = bytearray(-(-origin.size_bytes // limits.block_bytes))
        self._num_missing = len(self._is_here)
        self._arriving: dict[int, asyncio.Future[None]] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(limits.max_requests)
        self._head_stop = 0
        self._expected_start = 0
        self._read_ahead_bytes = 0
        self._fault: InvalidMedia | None = None
        self.bytes_fetched = 0

    @property
    def fd(self) -> int:
        """See `OpenedSource`."""
        return self._file.fd

    @property
    def size_bytes(self) -> int:
        """See `OpenedSource`."""
        return self._origin.size_bytes

    @property
    def name(self) -> str:
        """See `OpenedSource`."""
        return self._origin.name

    @property
    def is_whole(self) -> bool:
        """See `OpenedSource`."""
        return self._num_missing == 0

    async def put_head(self, head: bytes) -> None:
        """Write the object's first bytes, from the first answer; call before anything is ensured."""
        await self._file.write(0, head)
        self.bytes_fetched += len(head)
        self._head_stop = len(head)
        for block in range(len(self._is_here)):
            if self._stop_of(block) <= len(head):
                self._mark(block)

    async def ensure(self, start: int, stop: int) -> None:
        """See `OpenedSource`; a range beyond the end is cut there."""
        start, stop = max(0, start), min(stop, self.size_bytes)
        self._raise_if_at_fault()
        read_ahead_bytes = self._read_ahead(start, stop)
        if start >= stop or stop <= self._head_stop:
            return
        wanted = self._blocks(start, stop)
        if self._missing(wanted):  # otherwise nothing is requested yet: the next gap reads ahead as well
            self._request(self._missing(self._blocks(start, max(stop, self._ahead(start, stop + read_ahead_bytes)))))
        for block in wanted:
            while not self._is_here[block]:
                self._raise_if_at_fault()
                await self._arrival(block)

    async def aclose(self) -> None:
        """See `OpenedSource`."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        self._file.close()

    async def _arrival(self, block: int) -> None:
        if block not in self._arriving:  # its request failed because of another block
            self._request([block])
        await asyncio.shield(self._arriving[block])

    def _raise_if_at_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _blocks(self, start: int, stop: int) -> range:
        return range(start // self._limits.block_bytes, -(-stop // self._limits.block_bytes))

    def _stop_of(self, block: int) -> int:
        return min((block + 1) * self._limits.block_bytes, self.size_bytes)

    def _missing(self, blocks: range) -> list[int]:
        return [block for block in blocks if not self._is_here[block] and block not in self._arriving]

    def _read_ahead(self, start: int, stop: int) -> int:
        """Return the read-ahead: sequential reads fetch ever further ahead; a jump fetches only what it needs."""
        is_sequential = self._expected_start - self._limits.block_bytes <= start <= self._expected_start
        doubled = 2 * (self._read_ahead_bytes or stop - start)
        self._read_ahead_bytes = min(self._limits.max_read_ahead_bytes, doubled) if is_sequential else 0
        self._expected_start = stop
        return self._read_ahead_bytes

    def _ahead(self, start: int, stop: int) -> int:
        """Return where a request with read-ahead ends: it stays one request."""
        aligned_start = start - start % self._limits.block_bytes
        return min(stop, aligned_start + self._limits.max_request_bytes, self.size_bytes)

    def _request(self, blocks: list[int]) -> None:
        for run in _runs(blocks, max(1, self._limits.max_request_bytes // self._limits.block_bytes)):
            for block in run:
                self._arriving[block] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._fetch(run))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _fetch(self, run: range) -> None:
        try:
            async with self._turn:
                await self._fetch_in_turn(run)
        except (InvalidMedia, SourceUnavailable) as failure:
            self._fault = failure if isinstance(failure, InvalidMedia) else self._fault
            self._fail(run, failure)
        except Exception as failure:  # any error is raised to those who wait for bytes: nobody awaits this task
            self._fail(run, failure)
        except BaseException as failure:
            self._fail(run, failure)
            raise

    async def _fetch_in_turn(self, run: range) -> None:
        position, stop = max(run.start * self._limits.block_bytes, self._head_stop_in(run)), self._stop_of(run[-1])

        async def attempt() -> None:
            nonlocal position
            async with aclosing(joined(self._origin.read(position, stop), self._limits.probe_bytes)) as pieces:
                async for piece in pieces:
                    await self._file.write(position, piece)
                    position += len(piece)
                    self.bytes_fetched += len(piece)
                    self._arrive(run, position)
            require_end(self.name, position, stop)

        await with_retries(self._origin.origin, attempt, self._limits)

    def _head_stop_in(self, run: range) -> int:
        return self._head_stop if self._head_stop < self._stop_of(run.start) else 0

    def _arrive(self, run: range, position: int) -> None:
        for block in run:
            if self._stop_of(block) > position:
                return
            if not self._is_here[block]:
                self._mark(block)
                self._arriving.pop(block).set_result(None)

    def _mark(self, block: int) -> None:
        self._is_here[block] = 1
        self._num_missing -= 1

    def _fail(self, run: range, failure: BaseException) -> None:
        for block in run:
            arrival = self._arriving.pop(block, None)
            if arrival is not None and isinstance(failure, asyncio.CancelledError):
                arrival.cancel()
            elif arrival is not None:
                arrival.set_exception(failure)
                arrival.exception()  # read-ahead, perhaps: then nobody waits for it


def _runs(blocks: list[int], max_blocks: int) -> list[range]:
    """Join adjacent blocks to one request."""
    runs: list[range] = []
    for block in blocks:
        if runs and runs[-1].stop == block and len(runs[-1]) < max_blocks:
            runs[-1] = range(runs[-1].start, block + 1)
        else:
            runs.append(range(block, block + 1))
    return runs
