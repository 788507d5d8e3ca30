"""Bytes of Matroska and WebM: elements, and the blocks of each track. Terms are those of RFC 9559."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent, Ledger

MAX_ELEMENTS = 200_000
"""Read at most, of all levels."""
MAX_READ_BYTES = 128 * 2**20
"""Of clusters, block by block; behind them nothing is told of single blocks."""
MAX_HEAD_BYTES = 4 * 2**20
"""Of the tracks' descriptions, which hold codecs' headers."""
_CHUNK_BYTES = 2**16
_HEADER_BYTES = 16

EBML, SEGMENT, CLUSTER, TRACKS, INFO = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B, 0x1549A966
VOID, CRC, ATTACHMENTS, TAGS = 0xEC, 0xBF, 0x1941A469, 0x1254C367
_STRUCTURE = frozenset((CRC, TRACKS, INFO, 0x114D9B74, 0x1C53BB6B, 0x1043A770, ATTACHMENTS))
"""Attachments are streams to FFmpeg, and looked at as such."""
_TIMESTAMP, _BLOCK_GROUP, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA0, 0xA3, 0xA1
_CLUSTER_STRUCTURE = frozenset((CRC, _TIMESTAMP, 0xA7, 0xAB, 0x5854))
_GROUP_STRUCTURE = frozenset((CRC, 0x9B, 0xFB, 0xFA, 0xFD, 0xA4, 0x75A2, 0x75A1, 0x8E))
_TRACK_ENTRY, _TRACK_NUMBER, _TIMESTAMP_SCALE = 0xAE, 0xD7, 0x2AD7B1


@dataclass(slots=True)
class _Walk:
    """What is known on the way."""

    ledger: Ledger
    tracks: dict[int, int] = field(default_factory=dict)
    """By the number that blocks have: which stream of FFmpeg's it is."""
    scale_seconds: float = 1e-3
    num_elements: int = 0
    bytes_left: int = MAX_READ_BYTES


def matroska_ledger(media: MediaFile, *, may_read_all: bool) -> Ledger:
    """Walk the elements of the first segment; blocks only where all of the file may be read."""
    walk = _Walk(Ledger(media.size_bytes))
    start = 0
    while (found := _element(media.peek(start, _HEADER_BYTES))) is not None:
        number, header_bytes, size = found
        stop = media.size_bytes if size is None else min(media.size_bytes, start + header_bytes + size)
        if number == SEGMENT:
            if may_read_all:
                stop = _walk_segment(media, walk, start + header_bytes, stop, is_open=size is None)
            walk.ledger.end = stop
            break
        if number == VOID:
            walk.ledger.strays.append((start + header_bytes, stop))
        if stop >= media.size_bytes or size is None:
            break
        start = stop
    return walk.ledger


def _walk_segment(media: MediaFile, walk: _Walk, start: int, stop: int, *, is_open: bool) -> int:
    """Take note of what a segment holds. Returns where it ends: an open one at what belongs to no segment."""
    while start < stop and walk.num_elements < MAX_ELEMENTS:
        walk.num_elements += 1
        found = _element(media.peek(start, _HEADER_BYTES))
        if found is None or (is_open and found[0] in (EBML, SEGMENT)):
            return start if is_open else _rest(walk, start, stop)
        number, header_bytes, size = found
        first = start + header_bytes
        last = stop if size is None else min(stop, first + size)
        if number == CLUSTER:
            last = _walk_cluster(media, walk, first, last, is_open=size is None)
        elif number in (TRACKS, INFO):
            _take_head(media.peek(first, min(last - first, MAX_HEAD_BYTES)), walk)
        elif number == TAGS:
            walk.ledger.notes.append((first, last))
        elif number not in _STRUCTURE:
            walk.ledger.strays.append((first, last))
        start = max(last, first)
    return stop


def _rest(walk: _Walk, start: int, stop: int) -> int:
    walk.ledger.strays.append((start, stop))
    return stop


def _take_head(body: bytes, walk: _Walk) -> None:
    """Numbers of tracks and the unit of time."""
    for number, first, last in _children(body, 0, len(body)):
        if number == _TIMESTAMP_SCALE:
            walk.scale_seconds = int.from_bytes(body[first:last], "big") * 1e-9
        elif number == _TRACK_ENTRY:
            fields = {
                inner: int.from_bytes(body[begin:end][:8], "big") for inner, begin, end in _children(body, first, last)
            }
            walk.tracks.setdefault(fields.get(_TRACK_NUMBER, 0), len(walk.tracks))


def _walk_cluster(media: MediaFile, walk: _Walk, start: int, stop: int, *, is_open: bool) -> int:
    """Blocks by track, as far as may be read. Returns where the cluster ends."""
    if walk.bytes_left <= 0 or (is_open and stop - start > walk.bytes_left):
        return stop
    time = 0
    window = b""
    begin = start
    while start < stop and walk.num_elements < MAX_ELEMENTS:
        walk.num_elements += 1
        if start - begin + 64 > len(window):
            window, begin = media.peek(start, min(_CHUNK_BYTES, stop - start)), start
        head = window[start - begin : start - begin + 64]
        found = _element(head)
        if found is None or (is_open and found[0] in (EBML, SEGMENT, CLUSTER, *_STRUCTURE - {CRC}, TAGS)):
            return start if is_open else _rest(walk, start, stop)
        number, header_bytes, size = found
        if size is None:
            return stop
        first, last = start + header_bytes, min(stop, start + header_bytes + size)
        if number == _TIMESTAMP:
            time = int.from_bytes(head[header_bytes : header_bytes + size], "big")
        elif number == _SIMPLE_BLOCK:
            _take_block(walk, time, head[header_bytes:], (first, last))
        elif number == _BLOCK_GROUP:
            _take_group(media, walk, time, (first, last))
        elif number not in _CLUSTER_STRUCTURE:
            walk.ledger.strays.append((first, last))
        walk.bytes_left -= last - start
        start = max(last, first)
    return stop


def _take_group(media: MediaFile, walk: _Walk, time: int, extent: Extent) -> None:
    """A block with what belongs to it, all of which is read."""
    body = media.peek(extent[0], min(extent[1] - extent[0], MAX_HEAD_BYTES))
    for number, first, last in _children(body, 0, len(body)):
        place = (extent[0] + first, extent[0] + last)
        if number == _BLOCK:
            _take_block(walk, time, body[first : first + 16], place)
        elif number not in _GROUP_STRUCTURE:
            walk.ledger.strays.append(place)


def _take_block(walk: _Walk, time: int, head: bytes, extent: Extent) -> None:
    """Of a track that is described, or of none."""
    number_bytes = 9 - head[0].bit_length() if head and head[0] else 0
    if not number_bytes or len(head) < number_bytes + 2:
        walk.ledger.strays.append(extent)
        return
    number = int.from_bytes(head[:number_bytes], "big") & ((1 << 7 * number_bytes) - 1)
    if number not in walk.tracks:
        walk.ledger.strays.append(extent)
        return
    relative = int.from_bytes(head[number_bytes : number_bytes + 2], "big", signed=True)
    seconds = (time + relative) * walk.scale_seconds
    stream = walk.tracks[number]
    walk.ledger.stream_seconds[stream] = max(walk.ledger.stream_seconds.get(stream, 0.0), seconds)


def _children(body: bytes, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    while first < last:
        found = _element(body[first : first + _HEADER_BYTES])
        if found is None or found[2] is None:
            return
        number, header_bytes, _ = found
        begin = first + header_bytes
        first = begin + (found[2] or 0)
        yield number, begin, min(first, last)


def _element(header: bytes) -> tuple[int, int, int | None] | None:
    """Number, length of the header and length of the body; None where none begins."""
    if not header or not header[0]:
        return None
    id_bytes = 9 - header[0].bit_length()
    if len(header) <= id_bytes or not header[id_bytes]:
        return None
    size_bytes = 9 - header[id_bytes].bit_length()
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
    is_unknown = size == (1 << 7 * size_bytes) - 1
    return int.from_bytes(header[:id_bytes], "big"), id_bytes + size_bytes, None if is_unknown else size
