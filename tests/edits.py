"""Boxes of MP4 files changed one by one, edit lists above all, so that what they say is known without any demuxer."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_HOLDERS = (b"moov", b"trak", b"mdia")
EMPTY = -1.0
"""Media time of an edit that shows nothing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a track, in the order in which parts are shown."""

    media_seconds: float
    """Where it begins in the track; `EMPTY` for nothing."""
    seconds: float
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return struct.pack(">I4s", 8 + len(self.body), self.kind) + self.body


def with_edits(source: Path, path: Path, **edits: Sequence[Edit]) -> Path:
    """Replace the edit lists of tracks by handler, `vide` or `soun`. The index must stand at the end of the file."""
    path.write_bytes(b"".join(_edited(box, edits).whole for box in _boxes(source.read_bytes())))
    return path


def with_long_size(content: bytes, kind: bytes) -> bytes:
    """The file with sizes of 64 bits for all boxes of a kind. The index must stand at the end."""
    return b"".join(_lengthened(box, kind) for box in _boxes(content))


def _lengthened(box: _Box, kind: bytes) -> bytes:
    is_holder = box.kind in _HOLDERS
    body = b"".join(_lengthened(part, kind) for part in _boxes(box.body)) if is_holder else box.body
    if box.kind == kind:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return _Box(box.kind, body).whole


def _edited(box: _Box, edits: dict[str, Sequence[Edit]]) -> _Box:
    if box.kind != b"moov":
        return box
    scale = _timescale(_found(box, b"mvhd"))
    parts = [_track(part, edits, scale) if part.kind == b"trak" else part for part in _boxes(box.body)]
    longest = max(
        [round(sum(edit.seconds for edit in each) * scale) for each in edits.values()]
        + [struct.unpack(">I", _found(part, b"tkhd").body[20:24])[0] for part in parts if part.kind == b"trak"]
    )
    parts = [_with_number(part, 16, longest) if part.kind == b"mvhd" else part for part in parts]
    return _Box(b"moov", b"".join(part.whole for part in parts))


def _track(track: _Box, edits: dict[str, Sequence[Edit]], scale: int) -> _Box:
    media = _found(track, b"mdia")
    wanted = edits.get(_found(media, b"hdlr").body[8:12].decode())
    if wanted is None:
        return track
    lead_in = _lead_in(track)
    media_scale, parts = _timescale(_found(media, b"mdhd")), []
    for part in _boxes(track.body):
        if part.kind == b"tkhd":
            parts += [_with_number(part, 20, round(sum(edit.seconds for edit in wanted) * scale))]
            parts += [_Box(b"edts", _list(wanted, scale, media_scale, lead_in).whole)]
        elif part.kind != b"edts":
            parts.append(part)
    return _Box(b"trak", b"".join(part.whole for part in parts))


def _lead_in(track: _Box) -> int:
    """Where the track's own list begins: codecs that hold pictures or samples back do not begin at 0."""
    for part in _boxes(track.body):
        if part.kind == b"edts":
            return int(struct.unpack(">i", _found(part, b"elst").body[12:16])[0])
    return 0


def _list(edits: Sequence[Edit], scale: int, media_scale: int, lead_in: int) -> _Box:
    entries = [
        struct.pack(
            ">Iii",
            round(edit.seconds * scale),
            -1 if edit.media_seconds == EMPTY else lead_in + round(edit.media_seconds * media_scale),
            round(edit.rate * 65_536),
        )
        for edit in edits
    ]
    return _Box(b"elst", struct.pack(">II", 0, len(entries)) + b"".join(entries))


def _boxes(data: bytes) -> Iterator[_Box]:
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        size = size or len(data) - place
        yield _Box(kind, data[place + 8 : place + size])
        place += size


def _found(box: _Box, kind: bytes) -> _Box:
    return next(part for part in _boxes(box.body) if part.kind == kind)


def _timescale(header: _Box) -> int:
    number: int = struct.unpack(">I", header.body[12:16])[0]
    return number


def _with_number(box: _Box, place: int, number: int) -> _Box:
    return _Box(box.kind, box.body[:place] + struct.pack(">I", number) + box.body[place + 4 :])
