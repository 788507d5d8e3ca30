"""What a walk over a container's structure finds."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice

Extent = tuple[int, int]
"""Bytes `[start, stop)` of the file."""


@dataclass(slots=True)
class Ledger:
    """Bytes that no analysed or named stream accounts for."""

    end: int
    """Where the container ends; what lies behind is no part of it."""
    strays: list[Extent] = field(default_factory=list)
    """Inside the container, of no stream: free space, gaps between samples, unknown elements."""
    notes: list[Extent] = field(default_factory=list)
    """What cameras and editors write beside the streams: metadata, thumbnails."""
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
    for start, stop in islice(covered, max(0, bisect_right(covered, (place, place)) - 1), None):
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
