"""The purpose of an MP4 file's bytes, box by box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from operators.media.ledgers.ledger import Extent
from operators.media.ledgers.mp4_needs import CAPPED, NO_COUNTS, REPEATED, Counts, needed_bytes
from operators.media.mp4_boxes import NO_BOX, Box, boxes_of

NOTES = frozenset((b"uuid", b"meta", b"udta", b"emsg", b"sefd", b"thum", b"PICT", b"pnot"))
MAX_INNER_BOXES = 100_000
"""Maximum number of nested boxes of a file that are read, without those of fragments."""
INNER_BOXES_PER_FRAGMENT = 16
MAX_DEPTH = 8
MIN_TABLE_BYTES = 512
"""A shorter table is not searched for files."""
MAX_EXCESS_BYTES = 1024
"""A box that exceeds its necessary length by more than this does not count as one of its kind."""


@dataclass(slots=True)
class Account:
    """Bytes with a purpose. All others are strays, including those that were not read."""

    explained: list[Extent] = field(default_factory=list)
    notes: list[Extent] = field(default_factory=list)
    """These have a purpose, too."""
    tables: list[Extent] = field(default_factory=list)
    """Bodies of boxes with a purpose, whose entries are believed up to a number."""
    inner_boxes_left: int = MAX_INNER_BOXES

    def header(self, box: Box) -> None:
        """Record the header of any box."""
        self.explained.append((box.start, box.body))

    def note(self, box: Box) -> None:
        """Record a box with arbitrary data of cameras and editors."""
        self.explained.append((box.start, box.stop))
        self.notes.append((box.body, box.stop))

    def structure(self, box: Box, body: bytes, counts: Counts = NO_COUNTS) -> int:
        """Record a box up to its necessary length; for an unknown one, only the header.

        Args:
            box: its position.
            body: its first bytes, with the number of entries.
            counts: limits of the entries.

        Returns:
            Necessary bytes after its header; 0 if it is unknown, or far too long.
        """
        needed = needed_bytes(box.kind, body, counts)
        if needed is None or box.stop - box.body > needed + MAX_EXCESS_BYTES:
            self.header(box)
            return 0
        stop = min(box.stop, box.body + needed)
        self.explained.append((box.start, stop))
        if box.kind in CAPPED:
            self.notes.append((box.body, stop))
        elif box.stop - box.body >= MIN_TABLE_BYTES:
            self.tables.append((box.body, box.stop))
        return stop - box.body

    def structures(self, found: list[tuple[Box, bytes]], counts: Counts) -> None:
        """Record boxes of one track or fragment, up to the permitted number of a kind."""
        seen: Counter[bytes] = Counter()
        for box, body in found:
            seen[box.kind] += 1
            if box.kind in CAPPED or seen[box.kind] <= REPEATED.get(box.kind, 1):
                self.structure(box, body, counts)
            else:
                self.header(box)

    def add(self, other: Account) -> None:
        """Add all ranges of another account."""
        self.explained += other.explained
        self.notes += other.notes
        self.tables += other.tables

    def inner(
        self, body: bytes, parents: frozenset[bytes], first: int = 0, last: int | None = None, depth: int = 0
    ) -> Iterator[Box]:
        """Yield the boxes inside a box, parents before their content; offsets count from the first byte of `body`."""
        for box in boxes_of(body, first, last):
            if box.kind == NO_BOX or self.inner_boxes_left <= 0:
                return
            self.inner_boxes_left -= 1
            yield box
            if box.kind in parents and depth < MAX_DEPTH:
                yield from self.inner(body, parents, box.body, box.stop, depth + 1)


def moved(box: Box, by: int) -> Box:
    """Return the same box with offsets from another origin."""
    return Box(box.kind, box.start + by, box.body + by, box.stop + by, box.is_cut_off)
