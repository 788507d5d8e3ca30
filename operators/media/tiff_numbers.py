"""Reads numbers of a TIFF file, which states the order of their bytes. Decoder process only."""

from __future__ import annotations

import struct

from operators.media.containers import MediaFile

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def tiff_order(head: bytes) -> str | None:
    """Return the byte order of a file by its first bytes, as `struct` names it; None if it is no TIFF."""
    return _ORDERS.get(head[:4])


def tiff_number(media: MediaFile, order: str, place: int, kind: str) -> int:
    """Return the number there, of a kind of `struct`; 0 at the end of the file."""
    width = struct.calcsize(kind)
    content = media.peek(place, width)
    return int(struct.unpack(order + kind, content)[0]) if len(content) == width else 0
