"""Bytes that a local server hands out: held in memory or read from a file, never copied as a whole."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class UnsatisfiableRange(ValueError):
    """The range begins behind the end, or names nothing."""


@dataclass(frozen=True)
class Content:
    """One object; `of` makes it."""

    size_bytes: int
    etag: str
    """Quoted, strong."""
    held: bytes | Path

    @classmethod
    def of(cls, held: bytes | Path) -> Content:
        """Of bytes, or of a file that nobody changes while it is served."""
        if isinstance(held, bytes):
            return cls(len(held), f'"{hashlib.md5(held, usedforsecurity=False).hexdigest()}"', held)
        stat = held.stat()
        return cls(stat.st_size, f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"', held)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `[start, stop)` in small pieces."""
        if isinstance(self.held, bytes):
            for position in range(start, stop, PIECE_BYTES):
                yield self.held[position : min(position + PIECE_BYTES, stop)]
            return
        with self.held.open("rb", buffering=0) as file:
            for position in range(start, stop, PIECE_BYTES):
                yield os.pread(file.fileno(), min(PIECE_BYTES, stop - position), position)


def requested_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return `(start, stop)` of a Range header of one range, None where there is none that is understood.

    Raises:
        UnsatisfiableRange: nothing is in it (RFC 9110, 14.1.2).
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        start, stop = max(0, size_bytes - int(found[2])), size_bytes
    else:
        start, stop = int(found[1]), min(int(found[2]) + 1 if found[2] else size_bytes, size_bytes)
    if start >= stop:
        raise UnsatisfiableRange(header)
    return start, stop
