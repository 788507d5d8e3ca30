"""The boxes of MP4 files, read and changed one by one, so that what they say is known without any demuxer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HOLDERS = (b"moov", b"trak", b"mdia")


@dataclass(frozen=True, slots=True)
class Box:
    """A box whose size has 32 bits."""

    kind: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        """With its header."""
        return box(self.kind, self.body)


def box(kind: bytes, body: bytes) -> bytes:
    """With a size of 32 bits."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def table(kind: bytes, num_entries: int, entries: bytes) -> bytes:
    """A box of version 0 with a number of entries."""
    return box(kind, struct.pack(">II", 0, num_entries) + entries)


def boxes_of(content: bytes) -> Iterator[Box]:
    """One after the other; a size of 0 reaches to the end."""
    place = 0
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        size = size or len(content) - place
        yield Box(kind, content[place + 8 : place + size])
        place += size


def with_box(content: bytes, path: str, extra: bytes, *, instead: bool = False) -> bytes:
    """Put bytes at the end of the first box at `path`, such as `moov/trak`, or instead of it.

    Nothing that follows it may be referred to.
    """
    kind, _, rest = path.partition("/")
    parts, is_done = [], False
    for found in boxes_of(content):
        whole = found.whole
        if found.kind == kind.encode() and not is_done:
            is_done = True
            if rest:
                whole = box(found.kind, with_box(found.body, rest, extra, instead=instead))
            else:
                whole = extra if instead else box(found.kind, found.body + extra)
        parts.append(whole)
    assert is_done, f"there is no {kind}"
    return b"".join(parts)


def found_box(content: bytes, path: str) -> bytes:
    """The body of the first box at a path."""
    kind, _, rest = path.partition("/")
    body = next(found.body for found in boxes_of(content) if found.kind == kind.encode())
    return found_box(body, rest) if rest else body


def with_long_size(content: bytes, kind: bytes) -> bytes:
    """The file with sizes of 64 bits for all boxes of a kind. The index must be at the end."""
    return b"".join(_lengthened(found, kind) for found in boxes_of(content))


def _lengthened(found: Box, kind: bytes) -> bytes:
    body = with_long_size(found.body, kind) if found.kind in _HOLDERS else found.body
    if found.kind == kind:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return box(found.kind, body)
