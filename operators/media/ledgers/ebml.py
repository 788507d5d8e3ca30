"""Elements of EBML, on which Matroska is built. Terms are those of RFC 8794."""

from __future__ import annotations

from collections.abc import Iterator

HEADER_BYTES = 16
"""Maximum, of an element."""
MAX_INTEGER_BYTES = 8


def element(header: bytes) -> tuple[int, int, int | None] | None:
    """Return number, header length and body length (None if unknown) of an element; None if there is none."""
    if not header or not header[0]:
        return None
    id_bytes = 9 - header[0].bit_length()
    if len(header) <= id_bytes or not header[id_bytes]:
        return None
    size_bytes = 9 - header[id_bytes].bit_length()
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
    is_unknown = size == (1 << 7 * size_bytes) - 1
    return int.from_bytes(header[:id_bytes], "big"), id_bytes + size_bytes, None if is_unknown else size


def children(body: bytes, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield number and body of the elements in `body[first:last]`, up to an invalid one or one of unknown length."""
    while first < last:
        found = element(body[first : first + HEADER_BYTES])
        if found is None or found[2] is None:
            return
        number, header_bytes, _ = found
        begin = first + header_bytes
        first = begin + (found[2] or 0)
        yield number, begin, min(first, last)


def integer(body: bytes) -> int | None:
    """Return an unsigned integer; None if it is too long."""
    return int.from_bytes(body, "big") if len(body) <= MAX_INTEGER_BYTES else None
