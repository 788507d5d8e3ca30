"""Bytes of our own in Redis, smaller: what no reader but us opens is more than half of what a video costs there."""

from __future__ import annotations

import zlib
from typing import Final

_LEVEL: Final = 1
"""The fastest; the usual one saves 2 % more of a feature record."""


def pack(value: bytes) -> bytes:
    """Compress, to about two fifths for our JSON with its embeddings."""
    return zlib.compress(value, _LEVEL)


def unpack(stored: bytes) -> bytes:
    """Give back what was packed; JSON that was stored before there was packing stays as it is."""
    return stored if stored.startswith(b"{") else zlib.decompress(stored)
