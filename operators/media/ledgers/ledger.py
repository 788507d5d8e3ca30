"""What a walk over a container's structure finds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

Extent = tuple[int, int]
"""Bytes `[start, stop)` of the file."""
MAX_EXTENTS = 10_000
"""Listed of one kind: each is read by itself, in about 40 microseconds."""
JOINED_BYTES = 512
"""A shorter extent is joined with a neighbour, so that many small ones cost no more than a large one."""
ALIGNMENT_BYTES = 32
"""Muxers align samples by less than this."""


class Extents:
    """Bytes of one kind, in the order in which a walk finds them."""

    def __init__(self, found: Iterable[Extent] = ()) -> None:
        self.num_bytes_beyond = 0
        """Of extents that are not listed because there are too many: nobody looks whether they are padding."""
        self.num_alignment_bytes = 0
        """Likewise, of those that are as short as padding between samples."""
        self._found: list[Extent] = []
        self.extend(found)

    def __iter__(self) -> Iterator[Extent]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __iadd__(self, extents: Iterable[Extent]) -> Self:
        self.extend(extents)
        return self

    def extend(self, extents: Iterable[Extent]) -> None:
        """Add several."""
        for extent in extents:
            self.append(extent)

    def append(self, extent: Extent, *, header_bytes: int = 0) -> None:
        """Add bytes that lie inside the file; `header_bytes` in front of them are of the element that holds them."""
        start, stop = extent
        if stop <= start:
            return
        if self._found and self._is_neighbour(start - header_bytes, stop - start):
            self._found[-1] = (self._found[-1][0], max(self._found[-1][1], stop))
        elif len(self._found) < MAX_EXTENTS:
            self._found.append(extent)
        elif stop - start <= ALIGNMENT_BYTES:
            self.num_alignment_bytes += stop - start
        else:
            self.num_bytes_beyond += stop - start

    def _is_neighbour(self, start: int, num_bytes: int) -> bool:
        first, last = self._found[-1]
        return first <= start <= last and min(num_bytes, last - first) < JOINED_BYTES


@dataclass(slots=True)
class Ledger:
    """Bytes that no analysed or named stream accounts for."""

    end: int
    """Where the container ends; what lies behind is no part of it."""
    strays: Extents = field(default_factory=Extents)
    """Inside the container, of no stream: free space, gaps between samples, unknown elements."""
    notes: Extents = field(default_factory=Extents)
    """What cameras and editors write beside the streams: metadata, thumbnails."""
    pictures: list[Extent] = field(default_factory=list)
    """Behind the end: whole pictures that the first one's notes list."""
    num_stray_bytes: int = 0
    """Content that was counted on the way, not listed above."""
    num_data_bytes: int = 0
    """Of streams that are neither pictures nor sound nor text."""
    num_second_tables: int = 0
    """Tables of contents beside the one that is read: another player may take another one."""
    num_stream_bytes: int = 0
    """Of chunks that name a stream, where the container lists them, too."""
    stream_seconds: dict[int, float] = field(default_factory=dict)
    """By FFmpeg's number of a stream: when the last of its packets that were seen begins, by the container's clock."""
    scrambled_ratios: dict[int, float] = field(default_factory=dict)
    """Likewise: share of its packets that are encrypted."""


def gaps(extent: Extent, covered: list[Extent]) -> list[Extent]:
    """Parts of `extent` that none of `covered` overlaps; those are ascending and apart, as `merged` returns them."""
    place, found = extent[0], []
    for number in range(max(0, bisect_right(covered, (place, place)) - 1), len(covered)):
        start, stop = covered[number]
        if start >= extent[1]:
            break
        if start > place:
            found.append((place, start))
        place = max(place, stop)
    return [*found, (place, extent[1])] if place < extent[1] else found


def merged(extents: list[Extent]) -> list[Extent]:
    """Ascending, those that touch joined."""
    found: list[Extent] = []
    for start, stop in sorted(extents):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found
