"""MP4 files changed box by box, and what an index of them names, without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from operators.media.containers import MediaFile, take_container
from operators.media.edits import take_edits
from operators.media.index import MediaIndex
from operators.media.read_index import read_index


def box(kind: bytes, body: bytes) -> bytes:
    """With a size of 32 bits."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def table(kind: bytes, num_entries: int, entries: bytes) -> bytes:
    """A box of version 0 with a number of entries."""
    return box(kind, struct.pack(">II", 0, num_entries) + entries)


def with_box(content: bytes, path: str, extra: bytes, *, instead: bool = False) -> bytes:
    """Put bytes at the end of the first box at `path`, such as `moov/trak`, or instead of it.

    Nothing that comes behind it may be referred to.
    """
    kind, _, rest = path.partition("/")
    parts, is_done = [], False
    for found, whole in _boxes(content):
        if found == kind.encode() and not is_done:
            is_done = True
            if rest:
                whole = box(found, with_box(whole[8:], rest, extra, instead=instead))
            else:
                whole = extra if instead else box(found, whole[8:] + extra)
        parts.append(whole)
    assert is_done, f"there is no {kind}"
    return b"".join(parts)


def found_box(content: bytes, path: str) -> bytes:
    """The body of the first box at a path."""
    kind, _, rest = path.partition("/")
    whole = next(whole for found, whole in _boxes(content) if found == kind.encode())
    return found_box(whole[8:], rest) if rest else whole[8:]


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        yield kind, content[place : place + size]
        place += size


def indexed(path: Path) -> MediaIndex:
    """What a decoder process says of a file before it decodes."""
    with path.open("rb") as file:
        media = MediaFile(file.fileno(), path.stat().st_size, 10**8)
        take_edits(media)
        with take_container(media) as container:
            return read_index(container, media)


def hidden_in(path: Path) -> int:
    """Bytes of no stream."""
    return sum(track.size_bytes for track in indexed(path).unseen if track.kind == "hidden")
