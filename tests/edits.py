"""Edit lists put into MP4 files, box by box, so that what they say is known without any demuxer."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.boxes import Box, boxes_of

EMPTY = -1.0
"""Media time of an edit that shows nothing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a track, in the order in which parts are shown."""

    media_seconds: float
    """Where it begins in the track; `EMPTY` for nothing."""
    seconds: float
    rate: float = 1.0


def with_edits(source: Path, path: Path, **edits: Sequence[Edit]) -> Path:
    """Replace the edit lists of tracks by handler, `vide` or `soun`. The index must stand at the end of the file."""
    path.write_bytes(b"".join(_edited(box, edits).whole for box in boxes_of(source.read_bytes())))
    return path


def _edited(box: Box, edits: dict[str, Sequence[Edit]]) -> Box:
    if box.kind != b"moov":
        return box
    scale = _timescale(_found(box, b"mvhd"))
    parts = [_track(part, edits, scale) if part.kind == b"trak" else part for part in boxes_of(box.body)]
    longest = max(
        [round(sum(edit.seconds for edit in each) * scale) for each in edits.values()]
        + [struct.unpack(">I", _found(part, b"tkhd").body[20:24])[0] for part in parts if part.kind == b"trak"]
    )
    parts = [_with_number(part, 16, longest) if part.kind == b"mvhd" else part for part in parts]
    return Box(b"moov", b"".join(part.whole for part in parts))


def _track(track: Box, edits: dict[str, Sequence[Edit]], scale: int) -> Box:
    media = _found(track, b"mdia")
    wanted = edits.get(_found(media, b"hdlr").body[8:12].decode())
    if wanted is None:
        return track
    lead_in = _lead_in(track)
    media_scale, parts = _timescale(_found(media, b"mdhd")), []
    for part in boxes_of(track.body):
        if part.kind == b"tkhd":
            parts += [_with_number(part, 20, round(sum(edit.seconds for edit in wanted) * scale))]
            parts += [Box(b"edts", _list(wanted, scale, media_scale, lead_in).whole)]
        elif part.kind != b"edts":
            parts.append(part)
    return Box(b"trak", b"".join(part.whole for part in parts))


def _lead_in(track: Box) -> int:
    """Where the track's own list begins: codecs that hold pictures or samples back do not begin at 0."""
    for part in boxes_of(track.body):
        if part.kind == b"edts":
            return int(struct.unpack(">i", _found(part, b"elst").body[12:16])[0])
    return 0


def _list(edits: Sequence[Edit], scale: int, media_scale: int, lead_in: int) -> Box:
    entries = [
        struct.pack(
            ">Iii",
            round(edit.seconds * scale),
            -1 if edit.media_seconds == EMPTY else lead_in + round(edit.media_seconds * media_scale),
            round(edit.rate * 65_536),
        )
        for edit in edits
    ]
    return Box(b"elst", struct.pack(">II", 0, len(entries)) + b"".join(entries))


def _found(box: Box, kind: bytes) -> Box:
    return next(part for part in boxes_of(box.body) if part.kind == kind)


def _timescale(header: Box) -> int:
    number: int = struct.unpack(">I", header.body[12:16])[0]
    return number


def _with_number(box: Box, place: int, number: int) -> Box:
    return Box(box.kind, box.body[:place] + struct.pack(">I", number) + box.body[place + 4 :])
