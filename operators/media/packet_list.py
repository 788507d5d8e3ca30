"""Packets that a container lists itself, as MP4 and AVI do. Decoder process only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from av.container import InputContainer
from av.index import IndexEntries
from av.stream import Stream
from av.video.stream import VideoStream

from operators.media.stated_lengths import MAX_INDEX_ENTRIES, start_seconds, stream_length_seconds

UNEVEN_RATIO = 1.5
"""Longest divided by median interval of pictures from which a video counts as uneven."""
MISFIT_RATIO = 0.02
"""Of the stated length: permitted difference to the span of decode times."""
LISTED_RATIO = 0.95
"""Of a stream's stated length: an index that spans this share lists everything that is shown, though edits may have
removed packets."""


@dataclass(frozen=True, slots=True)
class PacketEntry:
    """One packet of the index."""

    seconds: float
    size_bytes: int
    is_keyframe: bool
    is_hidden: bool = False
    """Decoded for other packets and not shown, because of an edit."""
    duration_seconds: float = 0.0
    """Stated duration of the packet; 0.0 without one, and in lists."""


def is_whole_index(stream: Stream) -> bool:
    """Return whether the container lists every packet (MP4, AVI), not only seek points (Matroska, MP3).

    Edits remove packets from MP4's list; the rest then spans the stated length of the stream.
    """
    entries = stream.index_entries
    if not stream.frames or not len(entries):
        return False
    if len(entries) >= stream.frames:
        return True
    spanned = (entries[-1].timestamp - entries[0].timestamp) * float(stream.time_base or 0)
    is_mp4 = stream.container.format.name.startswith("mov,")
    return is_mp4 and spanned >= LISTED_RATIO * stream_length_seconds(stream) > 0


def reachable_ratio(entries: IndexEntries, size_bytes: int) -> float:
    """Return the share of the listed packets inside the file, assuming that they are in order."""
    first_beyond = bisect_left(range(len(entries)), True, key=lambda n: entries[n].pos + entries[n].size > size_bytes)
    return first_beyond / len(entries)


def indexed_packets(container: InputContainer, stream: VideoStream, size_bytes: int) -> Iterator[PacketEntry]:
    """Return the packets that the index lists and the file contains.

    Index times are decode times, shifted so that the first displayed packet has the stream's start time. Edits leave
    packets in the list that are only decoded for others.
    """
    entries, base = stream.index_entries, float(stream.time_base or 0)
    first = next((entry for entry in islice(entries, MAX_INDEX_ENTRIES) if not entry.is_discard), entries[0])
    shift = start_seconds(container, stream) - first.timestamp * base
    for entry in islice(entries, MAX_INDEX_ENTRIES):
        if entry.pos + entry.size <= size_bytes:
            yield PacketEntry(entry.timestamp * base + shift, entry.size, entry.is_keyframe, entry.is_discard)


def is_uneven(packets: list[PacketEntry]) -> bool:
    """Return whether pictures have uneven intervals: decode times then say little about display times."""
    times = sorted(packet.seconds for packet in packets)
    intervals = sorted(after - before for before, after in pairwise(times))
    return bool(intervals) and intervals[-1] > UNEVEN_RATIO * intervals[len(intervals) // 2]


def fits(packets: list[PacketEntry], stated_seconds: float, num_listed: int) -> bool:
    """Return whether the decode times of a complete list span the stated length.

    Otherwise display intervals differ from decode intervals: for example one picture an hour after the others.
    """
    times = [packet.seconds for packet in packets if not packet.is_hidden]
    if len(packets) < num_listed or len(times) < 2 or not stated_seconds:
        return True
    spanned = (max(times) - min(times)) * len(times) / (len(times) - 1)
    return abs(spanned - stated_seconds) <= max(1.0, MISFIT_RATIO * stated_seconds)
