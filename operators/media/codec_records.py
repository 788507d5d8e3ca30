"""Records about a video stream's codec in the container, other than the codec header. Decoder process only.

MP4 stores them as boxes in the sample entry (ISO/IEC 14496-15), Matroska as mappings of the track with the same
four letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from av.container import InputContainer
from av.video.stream import VideoStream

from operators.media.containers import MediaFile
from operators.media.ledgers.ebml import HEADER_BYTES, children, element, integer
from operators.media.mp4_boxes import Box, body_of, boxes_of, top_boxes

MAX_ELEMENTS: Final = 64
"""Of Matroska, before its first pictures."""
MAX_HEAD_BYTES: Final = 4 * 2**20
_SAMPLE_ENTRY_BYTES: Final = 78
"""Of a video's sample entry, before the boxes inside it."""
_DESCRIPTION_BYTES: Final = 8
_SEGMENT, _CLUSTER, _TRACKS, _TRACK_ENTRY = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE
_TRACK_TYPE, _CODEC, _MAPPING, _MAPPING_TYPE, _MAPPING_BODY = 0x83, 0x86, 0x41E4, 0x41E7, 0x41ED
_STREAM_TYPES: Final = (1, 2, 0x11, 0x21)
"""Tracks for which FFmpeg has a stream."""


def codec_records(
    container: InputContainer, stream: VideoStream, media: MediaFile, kinds: tuple[bytes, ...]
) -> Iterator[bytes]:
    """Yield the records of a stream whose four letters are in `kinds`; none of other containers."""
    if container.format.name.startswith("mov,"):
        yield from _in_mp4(media, stream.id, kinds)
    elif container.format.name.startswith("matroska,"):
        yield from _in_matroska(media, stream.index, kinds)


def _in_mp4(media: MediaFile, track_id: int, kinds: tuple[bytes, ...]) -> Iterator[bytes]:
    for table in top_boxes(media):
        body = body_of(media, table) if table.kind == b"moov" else b""
        for track in boxes_of(body):
            inner = (track.body, track.stop)
            headers = list(_found(body, inner, b"tkhd")) if track.kind == b"trak" else []
            if any(_track_id(body, header) == track_id for header in headers):
                yield from _described(body, inner, kinds)


def _track_id(body: bytes, header: Box) -> int:
    place = header.body + (20 if body[header.body : header.body + 1] == b"\1" else 12)
    return int.from_bytes(body[place : place + 4], "big")


def _described(body: bytes, track: tuple[int, int], kinds: tuple[bytes, ...]) -> Iterator[bytes]:
    for table in _found(body, track, b"mdia", b"minf", b"stbl", b"stsd"):
        for entry in boxes_of(body, table.body + _DESCRIPTION_BYTES, table.stop):
            for box in boxes_of(body, min(entry.stop, entry.body + _SAMPLE_ENTRY_BYTES), entry.stop):
                if box.kind in kinds:
                    yield body[box.body : box.stop]


def _found(body: bytes, inner: tuple[int, int], kind: bytes, *rest: bytes) -> Iterator[Box]:
    """Yield the boxes at a path."""
    for box in boxes_of(body, *inner):
        if box.kind == kind:
            yield from _found(body, (box.body, box.stop), *rest) if rest else (box,)


def _in_matroska(media: MediaFile, number: int, kinds: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the records of the track with that number in FFmpeg."""
    body = _tracks(media)
    entries = [(first, last) for kind, first, last in children(body, 0, len(body)) if kind == _TRACK_ENTRY]
    streams = [entry for entry in entries if _is_stream(body, entry)]
    for first, last in streams[number : number + 1]:
        for kind, begin, end in children(body, first, last):
            fields = {inner: body[start:stop] for inner, start, stop in children(body, begin, end)}
            if kind == _MAPPING and fields.get(_MAPPING_TYPE) in kinds:
                yield fields.get(_MAPPING_BODY, b"")


def _is_stream(body: bytes, entry: tuple[int, int]) -> bool:
    fields = {kind: body[first:last] for kind, first, last in children(body, *entry)}
    return _CODEC in fields and integer(fields.get(_TRACK_TYPE, b"")) in _STREAM_TYPES


def _tracks(media: MediaFile) -> bytes:
    """Return the descriptions of the tracks, if they come before the first pictures."""
    place = 0
    for _ in range(MAX_ELEMENTS):
        found = element(media.peek(place, HEADER_BYTES))
        if found is None or found[0] == _CLUSTER:
            break
        kind, header_bytes, size = found
        if kind == _TRACKS:
            return media.peek(place + header_bytes, min(size or 0, MAX_HEAD_BYTES))
        if kind != _SEGMENT and size is None:
            break
        place += header_bytes + (0 if kind == _SEGMENT else size or 0)
    return b""
