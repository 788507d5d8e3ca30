"""Pages of TIFF after the first, which is the only one that FFmpeg decodes. Decoder process only.

Viewers show them one after another. Terms are those of TIFF 6.0, and of its supplement 1 for pictures inside a page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from operators.media.containers import MediaFile
from operators.media.index import UnseenTrack
from operators.media.tiff_numbers import tiff_number, tiff_order

MAX_PAGES = 100
"""Named at most."""
TIFF_PAGE = "tiff page"
_INNER_PAGES = 330
"""Tag of the directories inside a page: a camera's raw picture, of which the page is a thumbnail."""
_ENTRY_BYTES = 12


def tiff_pages(media: MediaFile) -> Iterator[UnseenTrack]:
    """Yield every page after the first, and every picture inside a page."""
    order = tiff_order(media.peek(0, 4))
    if order is None:
        return
    place = tiff_number(media, order, 4, "I")
    num_unseen, seen = -1, {0}  # which ends the list
    while place not in seen and num_unseen < MAX_PAGES and (num_entries := tiff_number(media, order, place, "H")):
        seen.add(place)
        num_unseen += 1 + _num_inner(media, order, place + 2, num_entries)
        place = tiff_number(media, order, place + 2 + num_entries * _ENTRY_BYTES, "I")
    yield from [UnseenTrack("video", -1, TIFF_PAGE)] * min(num_unseen, MAX_PAGES)


def _num_inner(media: MediaFile, order: str, first: int, num_entries: int) -> int:
    """Return the number of pictures inside a page."""
    entries = media.peek(first, num_entries * _ENTRY_BYTES)
    whole = entries[: len(entries) // _ENTRY_BYTES * _ENTRY_BYTES]
    return sum(count for tag, _, count, _ in struct.iter_unpack(f"{order}HHII", whole) if tag == _INNER_PAGES)
