"""What the bytes of an MP4 file are for, box by box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from operators.media.ledgers.ledger import Extent
from operators.media.ledgers.mp4_needs import CAPPED, NO_COUNTS, REPEATED, Counts, needed_bytes
from operators.media.mp4_boxes import NO_BOX, Box, boxes_of

NOTES = frozenset((b"uuid", b"meta", b"udta", b"emsg", b"sefd", b"thum", b"PICT", b"pnot"))
MAX_INNER_BOXES = 100_000
"""Read at most, of all boxes of a file that lie in others, besides those of fragments."""
INNER_BOXES_PER_FRAGMENT = 16
MAX_DEPTH = 8
MAX_EXCESS_BYTES = 1024
"""A box that is longer by more than this than it needs to be is none of its kind."""


@dataclass(slots=True)
class Account:
    """Bytes that have a purpose. All that is in none of these is a stray, what was not read included."""

    explained: list[Extent] = field(default_factory=list)
    notes: list[Extent] = field(default_factory=list)
    """Also explained."""
    inner_boxes_left: int = MAX_INNER_BOXES

    def header(self, box: Box) -> None:
        """Of any box, whatever it holds."""
        self.explained.append((box.start, box.body))

    def note(self, box: Box) -> None:
        """A box that cameras and editors write what they want into."""
        self.explained.append((box.start, box.stop))
        self.notes.append((box.body, box.stop))

    def structure(self, box: Box, body: bytes, counts: Counts = NO_COUNTS) -> int:
        """A box as far as it needs to be as long as it is; only the header of one that is not known.

        Args:
            box: where it lies.
            body: its first bytes, with what it counts.
            counts: of what its entries can be about.

        Returns:
            Bytes that it needs behind its header; 0 where it is not known, or far too long.
        """
        needed = needed_bytes(box.kind, body, counts)
        if needed is None:
            self.header(box)
            return 0
        if box.stop - box.body > needed + MAX_EXCESS_BYTES:
            self.header(box)
            return 0
        stop = min(box.stop, box.body + needed)
        self.explained.append((box.start, stop))
        if box.kind in CAPPED:
            self.notes.append((box.body, stop))
        return stop - box.body

    def structures(self, found: list[tuple[Box, bytes]], counts: Counts) -> None:
        """Boxes of one track or fragment, of which there are only so many of a kind."""
        seen: Counter[bytes] = Counter()
        for box, body in found:
            seen[box.kind] += 1
            if box.kind in CAPPED or seen[box.kind] <= REPEATED.get(box.kind, 1):
                self.structure(box, body, counts)
            else:
                self.header(box)

    def add(self, other: Account) -> None:
        """All that another one has."""
        self.explained += other.explained
        self.notes += other.notes

    def inner(
        self, body: bytes, parents: frozenset[bytes], first: int = 0, last: int | None = None, depth: int = 0
    ) -> Iterator[Box]:
        """The boxes inside a box, parents before what they hold; places count from the first byte of `body`."""
        for box in boxes_of(body, first, last):
            if box.kind == NO_BOX or self.inner_boxes_left <= 0:
                return
            self.inner_boxes_left -= 1
            yield box
            if box.kind in parents and depth < MAX_DEPTH:
                yield from self.inner(body, parents, box.body, box.stop, depth + 1)


def moved(box: Box, by: int) -> Box:
    """The same box where places count from elsewhere."""
    return Box(box.kind, box.start + by, box.body + by, box.stop + by, box.is_cut_off)
