"""The end that the header of a file states: of what its own lists name, without reading them again and again."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

from operators.media.containers import MediaFile
from operators.media.ledgers.stated_ends import MAX_NUMBERS, stated_end

STRIP_STARTS, STRIP_LENGTHS = 273, 279
NUM_STRIPS = 200_000
DIRECTORY_BYTES = 2 + 2 * 12 + 4


@dataclass(slots=True)
class _MeteredFile(MediaFile):
    num_read: int = field(init=False, default=0)

    def peek(self, start: int, num_bytes: int) -> bytes:
        found = MediaFile.peek(self, start, num_bytes)
        self.num_read += len(found)
        return found


def _tiff(path: Path, num_pages: int) -> int:
    """Pages that share one list of strips, each of which begins where its own number stands; returns their end."""
    lists = 8 + num_pages * DIRECTORY_BYTES
    whole = struct.pack("<4sI", b"II*\0", 8)
    for number in range(num_pages):
        following = 8 + (number + 1) * DIRECTORY_BYTES if number + 1 < num_pages else 0
        entries = ((STRIP_STARTS, 4, NUM_STRIPS, lists), (STRIP_LENGTHS, 4, NUM_STRIPS, lists + 4 * NUM_STRIPS))
        whole += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        whole += struct.pack("<I", following)
    content = lists + 8 * NUM_STRIPS
    strips = range(content, content + NUM_STRIPS)
    whole += struct.pack(f"<{NUM_STRIPS}I", *strips) + struct.pack("<I", 1) * NUM_STRIPS + bytes(NUM_STRIPS)
    path.write_bytes(whole + b"behind")
    return len(whole)


def _read(path: Path) -> tuple[int, int]:
    """The end, and how many bytes were read for it."""
    fd = os.open(path, os.O_RDONLY)
    media = _MeteredFile(fd, path.stat().st_size, 0)
    try:
        return stated_end(media), media.num_read
    finally:
        os.close(fd)


def test_the_last_strip_ends_a_page(tmp_path: Path) -> None:
    """However many strips it has."""
    path = tmp_path / "a.tiff"
    assert _tiff(path, 1) == _read(path)[0]


def test_pages_that_share_long_lists_are_not_read_forever(tmp_path: Path) -> None:
    """A small file may name the same list in each of its pages."""
    path = tmp_path / "a.tiff"
    end = _tiff(path, 100)
    found, num_read = _read(path)
    assert found == end
    assert num_read < 4 * MAX_NUMBERS + 100_000
