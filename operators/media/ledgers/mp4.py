"""Bytes of MP4 and similar containers: boxes, and the samples that tables and fragments refer to.

The purpose of each byte is recorded; all bytes without one are strays, including those that were not read. Terms are
those of ISO/IEC 14496-12.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent, Ledger, gaps, merged
from operators.media.ledgers.mp4_account import NOTES, Account
from operators.media.ledgers.mp4_covers import without_covers
from operators.media.ledgers.mp4_fragments import Fragment, are_covered, read_fragment
from operators.media.ledgers.mp4_needs import Counts
from operators.media.ledgers.mp4_tables import Film, read_film
from operators.media.mp4_boxes import NO_BOX, UNREAD, Box, boxes, limited, top_boxes

HEAD_BYTES = 64
"""Head of a box with its number of entries."""
ENTRY_BYTES = 28
"""Maximum size of one entry of an index."""
ENTRIES_PER_FRAGMENT = 4
"""Per track: in the index of its own segment, in those of the whole file, and a clock."""
SPARE_ENTRIES = 64
MAX_PARTS = 1_000
PADDING_BYTES = 512
"""A longer stretch between samples is looked at like any other."""
MAX_PADDING = 400_000
"""Stretches that are read: of what is behind, all are looked at."""
JOINED_BYTES = 16
"""Length of a header."""
_LONG_KINDS = (b"mdat", b"moov", b"moof", b"free", b"skip", b"wide", b"uuid", b"meta", b"idat", b"mfra", b"udta")
_OF_FRAGMENTS = (b"sidx", b"tfra", b"prft")
_RECORDING_KINDS = frozenset((b"ftyp", b"moov", b"moof", b"free", b"skip", b"styp", b"sidx", b"prft", b"emsg"))
"""Boxes at the start of a fragmented recording that becomes media data when it ends."""


@dataclass(slots=True)
class _Level:
    """Boxes of one level, by how they are handled."""

    tables: list[Box] = field(default_factory=list)
    fragments: list[Box] = field(default_factory=list)
    media_data: list[Box] = field(default_factory=list)
    others: list[Box] = field(default_factory=list)


def mp4_ledger(media: MediaFile) -> Ledger:
    """Walk the boxes."""
    places, account = list(top_boxes(media)), Account()
    ledger = Ledger(media.size_bytes)
    ledger.end = end_of_mp4(media, places)
    level = _sorted((box for box in places if box.start < ledger.end), account)
    film = read_film(media, level.tables[0], account) if level.tables else Film()
    fragments = [read_fragment(media, box, film, account) for box in level.fragments]
    _explain_structure(media, level, fragments, account)
    covered = _covered(film, fragments)
    account.explained += [(box.start, box.stop) for box in level.tables[1:]]  # named separately
    for box in level.media_data:
        if not level.tables:  # stills list their content by item, not by track
            account.explained.append((box.start, box.stop))
            ledger.described.append((box.body, box.stop))
        else:
            account.header(box)
            _explain_recording(media, box, film, covered, account)
    ledger.num_second_tables = max(0, len(level.tables) - 1)
    ledger.num_data_bytes = film.num_data_bytes + sum(fragment.num_data_bytes for fragment in fragments)
    apart = [(note, without_covers(media, note)) for note in account.notes]
    notes = _joined(merged([part for _, parts in apart for part in parts]))
    ledger.described += [cover for note, parts in apart for cover in gaps(note, merged(parts))]
    ledger.described += account.tables
    ledger.notes += [note for note in notes if note[1] - note[0] >= PADDING_BYTES]  # shorter ones are no carriers
    ledger.strays += _joined(_without_padding(media, gaps((0, ledger.end), merged([*account.explained, *covered]))))
    return ledger


def end_of_mp4(media: MediaFile, places: list[Box]) -> int:
    """Return the end of the first movie: at a second file type, or where no box begins."""
    is_after_film = False
    for box in places:
        is_known = not box.is_cut_off or box.kind in _LONG_KINDS  # a truncated box is one of those
        is_kind = box.kind.isascii() and box.kind.strip(b"\0")
        if not is_kind or not is_known or (box.kind == b"ftyp" and is_after_film):
            return box.start
        is_after_film |= box.kind in (b"moov", b"mdat", b"moof")
    return media.size_bytes


def _sorted(found: Iterable[Box], account: Account) -> _Level:
    level = _Level()
    kinds = {b"moov": level.tables, b"moof": level.fragments, b"mdat": level.media_data}
    for box in found:
        if box.kind in NOTES:
            account.note(box)
        elif box.kind not in (NO_BOX, UNREAD):
            kinds.get(box.kind, level.others).append(box)
    return level


def _explain_structure(media: MediaFile, level: _Level, fragments: list[Fragment], account: Account) -> None:
    """Record the purpose of boxes that describe fragments, up to the number of fragments; for boxes that nobody reads,
    only of the headers."""
    num_left = ENTRIES_PER_FRAGMENT * sum(fragment.num_track_fragments for fragment in fragments) + SPARE_ENTRIES
    for box in chain.from_iterable(_parts(media, box, account) for box in level.others):
        if box.kind in _OF_FRAGMENTS and num_left <= 0:
            continue
        head = media.peek(box.body, min(box.stop - box.body, HEAD_BYTES))
        num_bytes = account.structure(box, head, Counts(num_fragments=num_left))
        num_left -= max(1, num_bytes // ENTRY_BYTES) if box.kind in _OF_FRAGMENTS else 0


def _parts(media: MediaFile, box: Box, account: Account) -> list[Box]:
    """Return the parts of an index of fragments at the end of a file, one for each track."""
    if box.kind != b"mfra":
        return [box]
    account.header(box)
    inside = islice(boxes(media.peek, box.body, box.stop), MAX_PARTS)
    return [part for part in inside if part.kind in (b"tfra", b"mfro")]


def _covered(film: Film, fragments: list[Fragment]) -> list[Extent]:
    extents = [extent for fragment in fragments for extent in fragment.samples]
    return merged(np.concatenate([film.samples, np.array(extents, np.int64).reshape(-1, 2)]))


def _explain_recording(media: MediaFile, box: Box, film: Film, covered: list[Extent], account: Account) -> None:
    """Record a fragmented recording that has become media data: another table lists its samples, and nothing reads its
    boxes.

    A fragment has a purpose if that table lists all that it refers to, and one table has if it lists nothing else. A
    file whose samples are not listed is no recording, but one that is hidden.
    """
    is_recording = media.peek(box.body + 4, 4) in _RECORDING_KINDS and gaps((box.body, box.stop), covered)
    if not is_recording:
        return
    found = Account()
    level = _sorted(limited(boxes(media.peek, box.body, box.stop), box.stop), found)
    fragments, num_left = [], film.num_samples
    for place in level.fragments:
        trial = Account()
        fragment = read_fragment(media, place, film, trial)
        num_left -= fragment.num_samples
        is_listed = not fragment.num_unknown and _are_listed_inside(box, fragment.samples, covered)
        if num_left >= 0 and is_listed:
            found.add(trial)
            fragments.append(fragment)
    is_first = _explain_first_table(media, level, box, covered, found)
    if fragments or is_first:
        for place in level.media_data:
            found.header(place)
        _explain_structure(media, level, fragments, found)
        account.add(found)


def _explain_first_table(media: MediaFile, level: _Level, box: Box, covered: list[Extent], account: Account) -> bool:
    """Record the first table of a recording inside `box`; return whether it lists samples there, and only known ones.

    A table without samples describes fragments.
    """
    for table in level.tables[:1]:
        trial = Account()
        own = merged(read_film(media, table, trial).samples)
        if _are_listed_inside(box, own, covered):
            account.add(trial)
            return bool(own)
    return False


def _are_listed_inside(box: Box, samples: list[Extent], covered: list[Extent]) -> bool:
    """Return whether samples are in a box and listed: a file inside has offsets from its own start."""
    is_inside = all(box.body <= start and stop <= box.stop for start, stop in samples)
    return is_inside and are_covered(samples, covered)


def _without_padding(media: MediaFile, extents: list[Extent]) -> Iterator[Extent]:
    """Yield all but short ones whose bytes are all alike: cameras leave thousands between samples."""
    for number, (start, stop) in enumerate(extents):
        is_read = stop - start <= PADDING_BYTES and number < MAX_PADDING
        if not is_read or not _is_padding(media.peek(start, stop - start)):
            yield start, stop


def _is_padding(found: bytes) -> bool:
    return not found.strip(b"\0") or (len(found) > JOINED_BYTES and found.count(found[0]) == len(found))


def _joined(extents: Iterable[Extent]) -> list[Extent]:
    """Return short neighbours, with the header between them, as one: many small boxes cost no more than a large one."""
    found: list[Extent] = []
    for start, stop in extents:
        first, last = found[-1] if found else (start, start)
        if found and start - last <= JOINED_BYTES and min(stop - start, last - first) < PADDING_BYTES:
            found[-1] = (first, stop)
        else:
            found.append((start, stop))
    return found
