"""Fragments of MP4: the samples that the runs of a `moof` refer to. Terms are those of ISO/IEC 14496-12."""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent
from operators.media.ledgers.mp4_account import INNER_BOXES_PER_FRAGMENT, NOTES, Account, moved
from operators.media.ledgers.mp4_needs import Counts
from operators.media.ledgers.mp4_tables import SHOWN_HANDLERS, SPARE_ENTRIES, Film
from operators.media.mp4_boxes import Box, body_of

FAR_BYTES = 1 << 60
"""After the end of any file; the sum of two of them still fits into 64 bits."""
_PARENTS = frozenset((b"moof", b"traf"))
_HAS_BASE, _HAS_DESCRIPTION, _HAS_DURATION, _HAS_SIZE, _BASE_IS_MOOF = 1, 2, 8, 0x10, 0x20000
_HAS_OFFSET, _HAS_FIRST_FLAGS, _HAS_SIZES = 1, 4, 0x200
_FIELDS = (0x100, 0x200, 0x400, 0x800)


@dataclass(slots=True)
class Fragment:
    """One `moof`."""

    samples: list[Extent] = field(default_factory=list)
    """Of tracks in the table of contents."""
    num_samples: int = 0
    num_unknown: int = 0
    """Runs of other tracks."""
    num_track_fragments: int = 0
    num_data_bytes: int = 0
    """Of tracks that are neither pictures nor sound nor text: samples and their tables."""


@dataclass(slots=True)
class _TrackFragment:
    """One `traf`: the position of its next run, and the defaults of its samples."""

    number: int = -1
    base: int = 0
    place: int = 0
    size: int = 0
    num_samples: int = 0
    boxes: list[tuple[Box, bytes]] = field(default_factory=list)


def read_fragment(media: MediaFile, box: Box, film: Film, account: Account) -> Fragment:
    """Read a `moof`, and record its bytes if it refers to any sample."""
    fragment = Fragment()
    body = body_of(media, box)
    account.inner_boxes_left += INNER_BOXES_PER_FRAGMENT
    tracks = [_TrackFragment(base=box.start, place=box.start)]  # the first one receives what belongs to no track
    headers = [box]
    for part in account.inner(body, _PARENTS):
        place, inside = moved(part, box.body), body[part.body : part.stop]
        if part.kind == b"traf":
            # Offsets of a track fragment without a base count from the end of the previous one's samples.
            tracks.append(_TrackFragment(base=tracks[-1].place, place=tracks[-1].place))
        if part.kind in NOTES:
            account.note(place)
        elif part.kind in _PARENTS:
            headers.append(place)
        else:
            tracks[-1].boxes.append((place, inside))
            _take(fragment, tracks[-1], part.kind, inside, box.start, film)
    fragment.num_track_fragments = len(tracks) - 1
    if fragment.samples:
        account.explained += [(each.start, each.body) for each in headers]
        for track in tracks:
            _close(track, account)
    return fragment


def _close(track: _TrackFragment, account: Account) -> None:
    counts = Counts(track.num_samples + SPARE_ENTRIES, num_fragments=len(track.boxes))
    account.structures(track.boxes, counts)


def _take(fragment: Fragment, track: _TrackFragment, kind: bytes, inside: bytes, start: int, film: Film) -> None:
    if kind == b"tfhd" and len(inside) >= 8:
        _take_header(track, inside, start, film)
    elif kind == b"trun" and len(inside) >= 8:
        offset, num_samples, length = _run(inside, track.size)
        track.place = min(track.base + offset if offset is not None else track.place, FAR_BYTES)
        length = min(length, FAR_BYTES)
        if track.number in film.tracks:
            fragment.samples.append((track.place, track.place + length))
            if film.tracks[track.number].handler not in SHOWN_HANDLERS:
                fragment.num_data_bytes += length + len(inside)
        else:
            fragment.num_unknown += 1
        track.place += length
        track.num_samples += num_samples
        fragment.num_samples += num_samples


def _take_header(track: _TrackFragment, inside: bytes, start: int, film: Film) -> None:
    """Read the base of offsets, the default size of samples, and the track."""
    flags, track.number = struct.unpack_from(">II", inside)
    words = inside[8:]
    if flags & _HAS_BASE and len(words) >= 8:
        track.base, words = struct.unpack_from(">Q", words)[0], words[8:]
    elif flags & _BASE_IS_MOOF:
        track.base = start
    track.place = track.base
    skipped = 4 * (bool(flags & _HAS_DESCRIPTION) + bool(flags & _HAS_DURATION))
    track.size = film.default_sizes.get(track.number, 0)
    if flags & _HAS_SIZE and len(words) >= skipped + 4:
        track.size = struct.unpack_from(">I", words, skipped)[0]


def _run(inside: bytes, default_size: int) -> tuple[int | None, int, int]:
    """Return the offset of a `trun`, if stated, its number of samples, and their bytes."""
    flags, count = struct.unpack_from(">II", inside)
    place, offset = 8, None
    if flags & _HAS_OFFSET and len(inside) >= 12:
        offset, place = struct.unpack_from(">i", inside, 8)[0], 12
    place += 4 * bool(flags & _HAS_FIRST_FLAGS)
    fields = [bit for bit in _FIELDS if flags & bit]
    if not flags & _HAS_SIZES:
        return offset, count, count * default_size
    rows = np.frombuffer(inside[place : place + count * 4 * len(fields)], np.uint8)
    rows = rows[: len(rows) // (4 * len(fields)) * 4 * len(fields)].view(">u4").reshape(-1, len(fields))
    return offset, len(rows), int(rows[:, fields.index(_HAS_SIZES)].sum(dtype=np.int64))


def are_covered(extents: list[Extent], covered: list[Extent]) -> bool:
    """Return whether each range is inside one of `covered`, which are ascending and disjoint."""
    return all(_is_covered(start, stop, covered) for start, stop in extents)


def _is_covered(start: int, stop: int, covered: list[Extent]) -> bool:
    place = bisect_right(covered, start, key=lambda extent: extent[0]) - 1
    return start >= stop or (place >= 0 and stop <= covered[place][1])
