"""Bodies of answers, piece by piece: with a minimum speed, in pieces worth writing, and to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from operators.errors import InvalidMedia
from operators.media.sources.limits import FetchLimits
from operators.media.sources.retries import TryAgain

Pieces = AsyncGenerator[bytes]


async def paced(name: str, pieces: Pieces, limits: FetchLimits) -> Pieces:
    """Yield the body of one answer.

    At every time `(elapsed - grace_seconds) * min_bytes_per_second` bytes must have arrived, so n bytes end within
    `grace_seconds + n / min_bytes_per_second`. The reader's work on a piece does not count as elapsed.

    Raises:
        TryAgain: they did not; at the last attempt it means media-too-slow.
    """
    clock = asyncio.get_running_loop().time
    deadline, num_bytes = clock() + limits.grace_seconds, 0
    async with aclosing(pieces):
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(pieces, None)
            except TimeoutError as error:
                raise _too_slow(name, num_bytes, limits) from error
            if piece is None:
                return
            num_bytes += len(piece)
            handed_out = clock()
            yield piece
            deadline += len(piece) / limits.min_bytes_per_second + (clock() - handed_out)


async def joined(pieces: Pieces, min_bytes: int) -> Pieces:
    """Join small pieces, because each is written by a thread; pieces before a failed attempt's end are yielded, too."""
    held = bytearray()
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                held += piece
                if len(held) >= min_bytes:
                    yield bytes(held)
                    held.clear()
        except TryAgain:
            if held:
                yield bytes(held)
            raise
    if held:
        yield bytes(held)


def require_end(name: str, position: int, stop: int) -> None:
    """Check where a body ended.

    Raises:
        TryAgain: before `stop`; at the last attempt it means media-size-mismatch.
        InvalidMedia: media-size-mismatch, after it.
    """
    if position < stop:
        message = f"{name}: the body ended at byte {position}, {stop - position} before its announced end"
        raise TryAgain(message, at_last=InvalidMedia("media-size-mismatch", message))
    if position > stop:
        raise InvalidMedia("media-size-mismatch", f"{name}: the body goes on behind its announced end, byte {stop}")


def _too_slow(name: str, num_bytes: int, limits: FetchLimits) -> TryAgain:
    message = f"{name}: {num_bytes} bytes, then slower than {limits.min_bytes_per_second} bytes a second"
    return TryAgain(message, at_last=InvalidMedia("media-too-slow", message))
