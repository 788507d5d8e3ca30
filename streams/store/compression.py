"""Bytes of our own in Redis, smaller: what no reader but us opens is more than half of what a video costs there."""

from __future__ import annotations

import zlib
from typing import Any, Final, TypeVar

import msgspec

_LEVEL: Final = 1
"""The fastest; the usual one saves 2 % more of a feature record."""
_Read = TypeVar("_Read")


class UnreadableBytes(Exception):
    """What is in the store is not what we wrote, or a newer release wrote it."""


def pack(value: bytes) -> bytes:
    """Compress, to about two fifths for our JSON with its embeddings."""
    return zlib.compress(value, _LEVEL)


def unpack(stored: bytes) -> bytes:
    """Give back what was packed; JSON that was stored before there was packing stays as it is.

    Raises:
        UnreadableBytes: it is neither.
    """
    if stored.startswith(b"{"):
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error as error:
        raise UnreadableBytes(f"{len(stored)} bytes that nothing of ours packed: {error}") from error


def decoded(decoder: msgspec.json.Decoder[_Read], value: Any) -> _Read:
    """Read JSON of ours. Raises UnreadableBytes."""
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableBytes(str(error)) from error
