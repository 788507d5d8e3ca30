"""Results of a walk over a container's structure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Extent = tuple[int, int]
"""Bytes `[start, stop)` of the file."""
MAX_EXTENTS = 10_000
"""Maximum number of listed ranges of one kind: each is read separately, in about 40 microseconds."""
JOINED_BYTES = 512
"""A shorter range is joined with a neighbour, so that many small ones cost no more than a large one."""
ALIGNMENT_BYTES = 32
"""Muxers align samples by less than this."""
MAX_SECONDS = 1_000 * 3_600.0
"""Of a recording; a later time of a packet is damaged."""


class Extents:
    """Byte ranges of one kind, in the order in which a walk finds them."""

    def __init__(self, found: Iterable[Extent] = ()) -> None:
        self.num_bytes_beyond = 0
        """Bytes of ranges above the limit: nobody checks whether they are padding."""
        self.num_alignment_bytes = 0
        """The same, of ranges that are as short as alignment padding."""
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
        """Add a range inside the file; `header_bytes` before it belong to the element that contains it."""
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
    """End of the container; later bytes are not part of it."""
    strays: Extents = field(default_factory=Extents)
    """Inside the container, of no stream: free space, gaps between samples, unknown elements."""
    notes: Extents = field(default_factory=Extents)
    """Data of cameras and editors: metadata, thumbnails."""
    described: Extents = field(default_factory=Extents)
    """Data that are accounted for by their own header or their length, whatever they consist of: colour profiles,
    covers, indexes, tables."""
    coded: Extents = field(default_factory=Extents)
    """The same of codecs, in which headers of their own format are no other file."""
    loose: bytes = b""
    """Content that is spread over packets: tables of transport streams, and bytes of no stream between them."""
    pictures: list[Extent] = field(default_factory=list)
    """After the end: complete pictures that the first one's metadata lists."""
    num_stray_bytes: int = 0
    """Content that was counted during the walk, and is not listed above."""
    num_data_bytes: int = 0
    """Of streams that are neither pictures nor sound nor text."""
    num_second_tables: int = 0
    """Tables of contents other than the one that is read: another player may use another one."""
    num_stream_bytes: int = 0
    """Of chunks that name a stream, in containers that list them as well."""
    stream_seconds: dict[int, float] = field(default_factory=dict)
    """By FFmpeg's stream number: start of the last packet that was seen, by the container's clock."""
    scrambled_ratios: dict[int, float] = field(default_factory=dict)
    """By FFmpeg's stream number: share of its packets that are encrypted."""

    def take_time(self, stream: int, seconds: float) -> None:
        """Take the start of a packet for the last of its stream, if it is and is not damaged."""
        if seconds <= MAX_SECONDS:
            self.stream_seconds[stream] = max(self.stream_seconds.get(stream, 0.0), seconds)


def gaps(extent: Extent, covered: list[Extent]) -> list[Extent]:
    """Return parts of `extent` that none of `covered` overlaps; those are ascending and disjoint, as `merged` returns
    them."""
    place, found = extent[0], []
    for number in range(max(0, bisect_right(covered, (place, place)) - 1), len(covered)):
        start, stop = covered[number]
        if start >= extent[1]:
            break
        if start > place:
            found.append((place, start))
        place = max(place, stop)
    return [*found, (place, extent[1])] if place < extent[1] else found


def merged(extents: list[Extent] | npt.NDArray[np.int64]) -> list[Extent]:
    """Return the ranges ascending, with adjacent ones joined: there may be very many."""
    places = np.array(extents, np.int64).reshape(-1, 2)
    places = places[np.argsort(places[:, 0], kind="stable")]
    first, last = places[:, 0], np.maximum.accumulate(places[:, 1])
    begins = np.append(True, first[1:] > last[:-1])[: len(first)]
    ends = np.append(begins[1:], True)[: len(first)]
    return list(zip(first[begins].tolist(), last[ends].tolist(), strict=True))
