"""Bytes of containers without a walk of their own: what is before, between and after the packets that FFmpeg finds.

A packet without a position belongs to the one before it in its stream. Packets of several streams may share pages, so
what exceeds the distance to the next position is taken from the bytes behind that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from av.container import InputContainer
from av.error import FFmpegError

from operators.media.containers import MediaFile, open_apart, packets_of
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.stated_ends import max_packet_bytes, stated_end
from operators.media.streams_of import cover_streams, shown_streams

MAX_READ_BYTES = 128 * 2**20
"""Of one file, from its start; what is behind is not checked."""
MAX_PACKETS = 1_000_000
MIN_GAP_BYTES = 4 * 1024
"""Between packets: headers, alignment and tables of a muxer are shorter; what is shorter counts as data."""
MIN_SEARCHED_BYTES = 128
"""Between packets: a file that begins in a shorter gap is split inside its own header."""
MAX_HEAD_BYTES = 768
"""Ahead of a packet, with the alignment to 512 bytes that MXF has."""
TAIL_BYTES = 4 * 2**20
"""Searched for other files: FFmpeg takes what follows a stream without a container for a part of its last packets."""
DELIMITED = ("mpeg", "ogg", "asf", "nut", "mxf", "caf")
"""In these, each packet has a header with its length: what follows the last one is a gap."""
INDEX_BYTES = 32
"""Of one packet, in an index behind the last one."""


@dataclass(slots=True)
class _Count:
    """Bytes of packets by position."""

    used: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    num_packets: int = 0
    num_data_bytes: int = 0
    num_cover_bytes: int = 0
    num_excess_bytes: int = 0
    is_complete: bool = True


def packet_ledger(media: MediaFile) -> Ledger:
    """Read through the packets of a file, with a reader of its own."""
    ledger = Ledger(media.size_bytes)
    try:
        with open_apart(media) as container:
            count, is_delimited = _counted(container, media), container.format.name in DELIMITED
    except FFmpegError:
        return ledger
    if not count.used:
        return ledger
    end = min(media.size_bytes, stated_end(media) or media.size_bytes)
    _take_regions(ledger, count, end)
    ledger.strays.append((end, media.size_bytes))
    if not is_delimited:
        ledger.coded.append((max(min(count.used) + 1, media.size_bytes - TAIL_BYTES), media.size_bytes))
    ledger.num_stray_bytes += count.num_excess_bytes
    ledger.num_data_bytes += count.num_data_bytes
    return ledger


def _counted(container: InputContainer, media: MediaFile) -> _Count:
    count, places, longest = _Count(), defaultdict[int, int](int), max_packet_bytes(media)
    numbers = {stream.index for stream in shown_streams(container)}
    covers = {stream.index for stream in cover_streams(container)}
    bytes_left = MAX_READ_BYTES
    for number, size, place in _sizes(container):
        if number in covers:
            count.num_cover_bytes += size
            continue
        place = places[number] = places[number] if place is None or place < 0 else place
        count.used[place] += size
        count.num_packets += 1
        count.num_data_bytes += size * (number not in numbers)
        count.num_excess_bytes += max(0, size - longest) if longest else 0
        bytes_left -= size
        if bytes_left < 0 or count.num_packets >= MAX_PACKETS:
            count.is_complete = False
            break
    return count


def _sizes(container: InputContainer) -> Iterator[tuple[int, int, int | None]]:
    """Yield stream, size and position of each packet, up to the end of what can be read."""
    try:
        for packet in packets_of(container, *container.streams):
            if packet.size:
                yield packet.stream_index, packet.size, packet.pos
    except FFmpegError:
        return


def _take_regions(ledger: Ledger, count: _Count, end: int) -> None:
    places = sorted(place for place in count.used if place < end)
    begin = places[0] if places else end
    covers = min(max(0, begin - 1), count.num_cover_bytes)
    ledger.described.append((begin - covers, begin))
    ledger.notes.append((1, begin - covers))  # without the first byte: the file's own signature is no find
    spilled = 0
    for place, following in pairwise([*places, end]):
        needed = count.used[place] + spilled
        first = min(following, place + needed)
        spilled = needed - (first - place)
        if following == end:
            allowed = INDEX_BYTES * count.num_packets + count.num_cover_bytes - covers
            _take_tail(ledger, (first, end), allowed, is_known=count.is_complete)
        elif following - first >= MIN_GAP_BYTES:
            ledger.strays.append((first, following))
        else:
            ledger.num_data_bytes += max(0, following - first - MAX_HEAD_BYTES)
            if following - first >= MIN_SEARCHED_BYTES:
                ledger.described.append((first, following))


def _take_tail(ledger: Ledger, extent: tuple[int, int], allowed: int, *, is_known: bool) -> None:
    """Record what is behind the last packet: an index, tags, covers, and anything else."""
    first, last = extent
    if is_known:
        ledger.described.append((first, min(last, first + allowed)))
        ledger.strays.append((first + allowed, last))
