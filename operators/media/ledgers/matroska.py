"""Bytes of Matroska and WebM: elements, and the blocks of each track. Terms are those of RFC 9559."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from operators.media.containers import MediaFile
from operators.media.ledgers.budget import Budget
from operators.media.ledgers.ebml import HEADER_BYTES, children, element, integer
from operators.media.ledgers.ledger import Extent, Ledger
from operators.media.ledgers.matroska_structure import CRC, CRC_BYTES, STRING_BYTES, VOID, take_structure

MAX_READ_BYTES = 128 * 2**20
"""Of clusters, block by block; after that single blocks are unknown."""
MAX_HEAD_BYTES = 4 * 2**20
"""Of track descriptions, which contain codec headers; longer ones have no use."""
MAX_ADDITION_BYTES = 1_024
"""Additional data of a block: captions, HDR brightness. Transparency needs more."""
MAX_FIELDS = 20_000
"""Of a description, searched for what blocks refer to."""
MAX_GROUP_ELEMENTS = 8
"""In addition to a block: an ordinary one has three, and counts as one."""
_CHUNK_BYTES = 2**16
_CUE_BYTES = 64
"""Of one entry of a seek table, which has at most one for each block."""
_SEEK_BYTES = 32
"""Of one entry of the table of top-level elements."""
_EBML_BYTES = 256

EBML, SEGMENT, CLUSTER, TRACKS, INFO = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B, 0x1549A966
SEEK_HEAD, CUES, CHAPTERS, ATTACHMENTS, TAGS = 0x114D9B74, 0x1C53BB6B, 0x1043A770, 0x1941A469, 0x1254C367
_TOP_LEVEL = frozenset((TRACKS, INFO, SEEK_HEAD, CUES, CHAPTERS, ATTACHMENTS, TAGS))
_TIMESTAMP, _BLOCK_GROUP, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA0, 0xA3, 0xA1
_CLUSTER_BYTES = {CRC: CRC_BYTES, _TIMESTAMP: 8, 0xA7: 8, 0xAB: 8, 0x5854: 64}
_GROUP_BYTES = {CRC: CRC_BYTES, 0x9B: 8, 0xFB: 8, 0xFA: 8, 0xFD: 8, 0x75A2: 8, 0x8E: 256}
_ADDITIONS, _ADDITION, _ADDITION_NUMBER, _ADDITION_BODY = 0x75A1, 0xA6, 0xEE, 0xA5
_ALPHA_NUMBER = 1
_TRACK_ENTRY, _TRACK_NUMBER, _TRACK_TYPE, _CODEC, _TIMESTAMP_SCALE = 0xAE, 0xD7, 0x83, 0x86, 0x2AD7B1
_VIDEO, _ALPHA_MODE = 0xE0, 0x53C0
_STREAM_TYPES = (1, 2, 0x11, 0x21)
"""Pictures, sound, text, data: FFmpeg has no stream for a track of another type."""
_DATA_TYPE = 0x21
_FILE, _FILE_BODY, _FILE_NAME, _FILE_TYPE = 0x61A7, 0x465C, 0x466E, 0x4660


@dataclass(slots=True)
class _Track:
    """A track for which FFmpeg has a stream."""

    stream: int
    is_data: bool = False
    has_alpha: bool = False


@dataclass(slots=True)
class _Walk:
    """State of the walk."""

    media: MediaFile
    ledger: Ledger
    num_attached: int
    tracks: dict[int, _Track] = field(default_factory=dict)
    """By the track number in blocks."""
    scale_seconds: float = 1e-3
    budget: Budget = field(default_factory=Budget)
    bytes_left: int = MAX_READ_BYTES
    num_elements: int = 0
    """At the top level."""
    num_blocks: int = 0
    tables: list[tuple[int, Extent]] = field(default_factory=list)
    """Seek tables."""


def matroska_ledger(media: MediaFile, *, may_read_all: bool, num_attached: int) -> Ledger:
    """Walk the elements of the first segment; blocks only if all of the file may be read.

    Args:
        media: the file.
        may_read_all: whether all of it is local.
        num_attached: number of attached files that FFmpeg knows.
    """
    walk = _Walk(media, Ledger(media.size_bytes), num_attached)
    start = 0
    while not walk.budget.is_spent and (found := element(media.peek(start, HEADER_BYTES))) is not None:
        walk.budget.spend_other()
        number, header_bytes, size = found
        first = start + header_bytes
        stop = media.size_bytes if size is None else min(media.size_bytes, first + size)
        if number == SEGMENT:
            walk.ledger.end = _walk_segment(walk, first, stop, is_open=size is None) if may_read_all else stop
            return walk.ledger
        walk.ledger.strays.append((min(stop, first + (number == EBML) * _EBML_BYTES), stop), header_bytes=header_bytes)
        start = stop
    walk.ledger.strays.append((start, media.size_bytes))
    return walk.ledger


def _walk_segment(walk: _Walk, start: int, stop: int, *, is_open: bool) -> int:
    """Record the contents of a segment. Returns its end: for one of unknown length, where something that belongs to no
    segment begins."""
    while start < stop and not walk.budget.is_spent:
        found = element(walk.media.peek(start, HEADER_BYTES))
        if found is None or (is_open and found[0] in (EBML, SEGMENT)):
            if not is_open:
                walk.ledger.strays.append((start, stop))
            stop = start if is_open else stop
            break
        number, header_bytes, size = found
        first = start + header_bytes
        last = stop if size is None else min(stop, first + size)
        walk.num_elements += 1
        if number == CLUSTER:
            walk.budget.spend_sample(0)
            last = _walk_cluster(walk, first, last, is_open=size is None)
        else:
            walk.budget.spend_other()
            _take_top_level(walk, number if size is not None else VOID, first, last, header_bytes)
        start = max(last, first)
    if walk.budget.hides_the_rest:
        walk.ledger.strays.append((start, stop))
    _take_tables(walk)
    return stop


def _take_top_level(walk: _Walk, number: int, first: int, last: int, header_bytes: int) -> None:
    if number in (SEEK_HEAD, CUES):
        walk.tables.append((number, (first, last)))
    elif number == ATTACHMENTS:
        _take_attachments(walk, first, last)
    elif number == TAGS:
        walk.ledger.notes.append((first, last))
    elif number in _TOP_LEVEL:
        body = walk.media.peek(first, min(last - first, MAX_HEAD_BYTES))
        if number != CHAPTERS:
            _take_head(walk, body)
        walk.ledger.coded.append((first, last))
        take_structure(body, first, walk.ledger, walk.budget)
        walk.ledger.strays.append((first + len(body), last))
    elif number in (CRC, VOID):
        walk.ledger.strays.append((min(last, first + (number == CRC) * CRC_BYTES), last), header_bytes=8)
    else:
        walk.ledger.strays.append((first - header_bytes, last))


def _take_tables(walk: _Walk) -> None:
    """Count the excess of seek tables that are longer than their possible entries."""
    num_read = MAX_READ_BYTES - walk.bytes_left if walk.bytes_left <= 0 else walk.media.size_bytes
    needed = {
        CUES: _CUE_BYTES * (1 + walk.num_blocks * walk.media.size_bytes // max(1, num_read)),
        SEEK_HEAD: _SEEK_BYTES * (8 + walk.num_elements),
    }
    for number, (first, last) in walk.tables:
        used = min(needed[number], last - first)
        needed[number] -= used
        walk.ledger.described.append((first, last))
        walk.ledger.strays.append((first + used, last))


def _take_attachments(walk: _Walk, start: int, stop: int) -> None:
    """Count attached files without a stream in FFmpeg; those with one are analysed as such."""
    for number, place, first, last in _elements(walk, start, stop):
        fields = list(_elements(walk, first, last)) if number == _FILE else []
        is_whole = {_FILE_BODY, _FILE_NAME, _FILE_TYPE} <= {inner for inner, _, _, _ in fields}
        is_known = is_whole and walk.num_attached > 0
        walk.num_attached -= is_known
        for inner, begin, body, end in fields:
            used = begin if not is_known else end if inner == _FILE_BODY else min(end, body + STRING_BYTES)
            walk.ledger.strays.append((used, end))
        if number != _FILE:
            walk.ledger.strays.append((min(last, first + CRC_BYTES) if number == CRC else place, last))


def _elements(walk: _Walk, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, position and body of elements that are too long to read at once; invalid bytes are strays."""
    while start < stop and not walk.budget.is_spent:
        walk.budget.spend_other()
        found = element(walk.media.peek(start, HEADER_BYTES))
        if found is None or found[2] is None:
            break
        place, first = start, start + found[1]
        start = min(stop, first + found[2])
        yield found[0], place, first, start
    walk.ledger.strays.append((start, stop))


def _take_head(walk: _Walk, body: bytes) -> None:
    """Read track numbers and the unit of time."""
    for number, first, last in islice(children(body, 0, len(body)), MAX_FIELDS):
        if number == _TIMESTAMP_SCALE:
            walk.scale_seconds = (integer(body[first:last]) or 1_000_000) * 1e-9
        elif number == _TRACK_ENTRY:
            _take_track(walk, body, _fields(body, first, last))


def _take_track(walk: _Walk, body: bytes, fields: dict[int, Extent]) -> None:
    number, kind = (_field(body, fields, name) for name in (_TRACK_NUMBER, _TRACK_TYPE))
    if kind not in _STREAM_TYPES or _CODEC not in fields or number in walk.tracks:
        return
    has_alpha = bool(_field(body, _fields(body, *fields.get(_VIDEO, (0, 0))), _ALPHA_MODE))
    walk.tracks[number] = _Track(len(walk.tracks), is_data=kind == _DATA_TYPE, has_alpha=has_alpha)


def _fields(body: bytes, first: int, last: int) -> dict[int, Extent]:
    return {number: (begin, end) for number, begin, end in islice(children(body, first, last), MAX_FIELDS)}


def _field(body: bytes, fields: dict[int, Extent], name: int) -> int:
    first, last = fields.get(name, (0, 0))
    return integer(body[first:last]) or 0


def _walk_cluster(walk: _Walk, start: int, stop: int, *, is_open: bool) -> int:
    """Record blocks by track, as far as they may be read. Returns the end of the cluster."""
    time, window, begin = 0, b"", start
    while start < stop and walk.bytes_left > 0 and not walk.budget.is_spent:
        if start - begin + 64 > len(window):
            window, begin = walk.media.peek(start, min(_CHUNK_BYTES, stop - start)), start
        head = window[start - begin : start - begin + 64]
        found = element(head)
        if found is None or (is_open and found[0] in (EBML, SEGMENT, CLUSTER, *_TOP_LEVEL)):
            if not is_open:
                walk.ledger.strays.append((start, stop))
            return start if is_open else stop
        number, header_bytes, size = found
        if size is None:
            walk.ledger.strays.append((start, stop))
            return stop
        first, last = start + header_bytes, min(stop, start + header_bytes + size)
        if number == _TIMESTAMP:
            time = integer(head[header_bytes : header_bytes + size]) or 0
        _take_cluster_element(walk, number, time, head[header_bytes:], (first, last), start)
        walk.bytes_left -= last - start
        start = max(last, first)
    if walk.budget.hides_the_rest:
        walk.ledger.strays.append((start, stop))
    return stop


def _take_cluster_element(walk: _Walk, number: int, time: int, head: bytes, extent: Extent, start: int) -> None:
    first, last = extent
    if number == _SIMPLE_BLOCK:
        _take_block(walk, time, head, extent)
    elif number == _BLOCK_GROUP:
        _take_group(walk, time, extent)
    elif number in _CLUSTER_BYTES:
        walk.budget.spend_sample(0)
        walk.ledger.strays.append((min(last, first + _CLUSTER_BYTES[number]), last))
    else:
        walk.budget.spend_other()
        walk.ledger.strays.append(extent if number == VOID else (start, last), header_bytes=8)


def _take_group(walk: _Walk, time: int, extent: Extent) -> None:
    """Record a block group, which is read completely."""
    body = walk.media.peek(extent[0], min(extent[1] - extent[0], MAX_HEAD_BYTES))
    track: _Track | None = None
    reached = 0
    for count, (number, first, last) in enumerate(children(body, 0, len(body))):
        if count >= MAX_GROUP_ELEMENTS:
            walk.budget.spend_sample(0)
        if walk.budget.is_spent:
            break
        place = (extent[0] + first, extent[0] + last)
        reached = last
        if number == _BLOCK:
            is_cut_off = last == len(body) < extent[1] - extent[0]
            track = _take_block(walk, time, body[first : first + 16], (place[0], extent[1]) if is_cut_off else place)
            reached = extent[1] - extent[0] if is_cut_off else last
        elif number == _ADDITIONS:
            _take_additions(walk, track, body, first, last, extent[0])
        else:
            walk.ledger.strays.append((min(place[1], place[0] + _GROUP_BYTES.get(number, 0)), place[1]))
    walk.ledger.strays.append((extent[0] + reached, extent[1]))


def _take_additions(walk: _Walk, track: _Track | None, body: bytes, first: int, last: int, place: int) -> None:
    """Record additional data of a block: the transparency of pictures, otherwise little."""
    for number, begin, end in children(body, first, last):
        walk.budget.spend_sample(0)
        fields = _fields(body, begin, end) if number == _ADDITION else {}
        name = _field(body, fields, _ADDITION_NUMBER) or _ALPHA_NUMBER
        start, stop = fields.get(_ADDITION_BODY, (begin, begin))
        is_alpha = track is not None and track.has_alpha and name == _ALPHA_NUMBER
        used = stop if is_alpha else min(stop, start + MAX_ADDITION_BYTES)
        walk.ledger.strays.append((place + used, place + end))


def _take_block(walk: _Walk, time: int, head: bytes, extent: Extent) -> _Track | None:
    """Record a block of a described track, or of none."""
    number_bytes = 9 - head[0].bit_length() if head and head[0] else 0
    number = int.from_bytes(head[:number_bytes], "big") & ((1 << 7 * number_bytes) - 1)
    track = walk.tracks.get(number) if number_bytes and len(head) >= number_bytes + 2 else None
    if track is None:
        walk.budget.spend_other()
        walk.ledger.strays.append(extent, header_bytes=8)
        return None
    walk.num_blocks += 1
    walk.budget.spend_sample(extent[1] - extent[0])
    walk.ledger.num_data_bytes += (extent[1] - extent[0]) * track.is_data
    relative = int.from_bytes(head[number_bytes : number_bytes + 2], "big", signed=True)
    walk.ledger.take_time(track.stream, (time + relative) * walk.scale_seconds)
    return track
