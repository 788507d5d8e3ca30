"""Pages of TIFF after the first, which is the only one that FFmpeg decodes. Decoder process only.

Viewers show them one after another. A page that shows what the first one does is its thumbnail, and not named. Terms
are those of TIFF 6.0, and of its supplement 1 for pictures inside a page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.reformatter import Interpolation

from operators.media.containers import MediaFile
from operators.media.index import UnseenTrack
from operators.media.tiff_numbers import tiff_number, tiff_order

MAX_PAGES: Final = 100
"""Named at most."""
TIFF_PAGE: Final = "tiff page"
MAX_COMPARED: Final = 4
"""Pages that are decoded to be compared with the first: a file of a camera has one or two more."""
MAX_COMPARED_BYTES: Final = 64 * 2**20
"""Of a file whose pages are compared: each decoder gets all of it."""
SAME_MEAN: Final = 3.0
"""Of 255, averaged over both pictures at the size of an icon: packing and sharpening change less."""
SAME_MOST: Final = 48
"""The same, of any pixel and colour: a different detail changes more."""
_ICON_PIXELS: Final = 48
_INNER_PAGES: Final = 330
"""Tag of the directories inside a page: a camera's raw picture, of which the page is a thumbnail."""
_ENTRY_BYTES: Final = 12

Pixels = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class _Icon:
    """A page at the size of an icon."""

    pixels: Pixels
    num_pixels: int
    """Of the page itself."""


def tiff_pages(media: MediaFile) -> Iterator[UnseenTrack]:
    """Yield every page after the first, and every picture inside a page, that does not show what the first one does."""
    order = tiff_order(media.peek(0, 4))
    if order is None:
        return
    pages = list(islice(_pages(media, order), MAX_PAGES + 1))
    num_same = sum(_shown_again(media, order, pages)) if 1 < len(pages) <= MAX_COMPARED + 1 else 0
    yield from [UnseenTrack("video", -1, TIFF_PAGE)] * (len(pages) - 1 - num_same)


def _pages(media: MediaFile, order: str) -> Iterator[int]:
    """Yield the position of the directory of each page, and of those inside it; 0 where it is unknown."""
    place, seen = tiff_number(media, order, 4, "I"), {0}  # which ends the list
    while place not in seen and (num_entries := tiff_number(media, order, place, "H")):
        seen.add(place)
        yield place
        yield from _inner_pages(media, order, place + 2, num_entries)
        place = tiff_number(media, order, place + 2 + num_entries * _ENTRY_BYTES, "I")


def _inner_pages(media: MediaFile, order: str, first: int, num_entries: int) -> Iterator[int]:
    entries = media.peek(first, num_entries * _ENTRY_BYTES)
    whole = entries[: len(entries) // _ENTRY_BYTES * _ENTRY_BYTES]
    for tag, _, count, value in struct.iter_unpack(f"{order}HHII", whole):
        if tag == _INNER_PAGES:
            for number in range(min(count, MAX_PAGES + 1)):
                yield value if count == 1 else tiff_number(media, order, value + 4 * number, "I")


def _shown_again(media: MediaFile, order: str, pages: list[int]) -> Iterator[bool]:
    """Tell of each page after the first whether it shows the same picture."""
    if media.size_bytes > MAX_COMPARED_BYTES:
        return
    whole = media.peek(0, media.size_bytes)
    first = _icon(media, whole)
    for page in pages[1:]:
        found = _icon(media, whole[:4] + struct.pack(order + "I", page) + whole[8:]) if page else None
        yield first is not None and found is not None and _are_same(first, found)


def _icon(media: MediaFile, whole: bytes) -> _Icon | None:
    """Return the first page of a file; None if it cannot be decoded."""
    context = CodecContext.create("tiff", "r")
    context.thread_count, context.options = 1, {"max_pixels": str(media.max_pixels)}
    try:
        for picture in context.decode(Packet(whole)):
            icon = picture.reformat(_ICON_PIXELS, _ICON_PIXELS, "rgb24", interpolation=Interpolation.AREA)
            return _Icon(icon.to_ndarray().astype(np.int16), picture.width * picture.height)
    except (FFmpegError, ValueError, MemoryError):
        return None
    return None


def _are_same(first: _Icon, other: _Icon) -> bool:
    """Return whether the other page shows the same picture in no more detail."""
    difference = np.abs(first.pixels - other.pixels)
    is_like = bool(difference.mean() <= SAME_MEAN and difference.max() <= SAME_MOST)
    return is_like and other.num_pixels <= first.num_pixels
