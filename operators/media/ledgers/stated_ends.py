"""Ends that the header of a file states, for formats of which FFmpeg reads on to the end of the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from operators.media.containers import MediaFile
from operators.media.tiff_numbers import tiff_number, tiff_order

MAX_DIRECTORIES = 200
"""Of one TIFF file."""
MAX_ENTRIES = 4_096
"""Of one directory."""
MAX_NUMBERS = 1_000_000
"""Read from all lists of one TIFF file, of strips and inner directories; content of further ones counts as unused."""
_TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LENGTH_OF: Final = {273: 279, 324: 325, 513: 514}
"""By tag of positions: that of lengths, of strips, tiles and a JPEG picture."""
_INNER: Final = (330, 34_665, 34_853, 40_965)
"""Directories inside a page: pictures, EXIF, positions."""
_BITMAP_PLAIN: Final = (0, 3, 6)
_UNKNOWN: Final = 0xFFFFFFFF
_FRAME_HEAD_BYTES: Final = 64


def stated_end(media: MediaFile) -> int:
    """Return the end of the content of AU, BMP and TIFF; 0 if the header states none, and for other formats."""
    head = media.peek(0, 54)
    if head.startswith(b".snd") and len(head) >= 12:
        offset, size = struct.unpack_from(">II", head, 4)
        return offset + size if size != _UNKNOWN else 0
    if head.startswith(b"BM") and len(head) == 54:
        return _end_of_bitmap(head)
    order = tiff_order(head)
    return _end_of_tiff(media, order) if order is not None else 0


def max_packet_bytes(media: MediaFile) -> int:
    """Return the longest possible frame of a FLAC file, by its number of samples; 0 for other formats."""
    head = media.peek(0, 26)
    if not head.startswith(b"fLaC") or len(head) < 26:
        return 0
    num_samples = int.from_bytes(head[10:12], "big")
    packed = int.from_bytes(head[18:22], "big")
    channels, bits = (packed >> 9 & 7) + 1, (packed >> 4 & 31) + 1
    return num_samples * channels * (bits + 1) // 8 + _FRAME_HEAD_BYTES


def _end_of_bitmap(head: bytes) -> int:
    offset, header_bytes, width, height = struct.unpack_from("<IIii", head, 10)
    if header_bytes < 40:
        return 0
    bits, coding, num_bytes = struct.unpack_from("<HII", head, 28)
    if coding in _BITMAP_PLAIN:
        return int(offset + (abs(width) * bits + 31) // 32 * 4 * abs(height))
    return int(offset + num_bytes) if num_bytes else 0


def _end_of_tiff(media: MediaFile, order: str) -> int:
    """Return the end of the last value, strip, tile or directory."""
    lists = _Lists(media, order)
    end, places, seen = 8, [tiff_number(media, order, 4, "I")], {0}
    while places and len(seen) < MAX_DIRECTORIES:
        place = places.pop()
        if place in seen:
            continue
        seen.add(place)
        entries = list(_entries(media, order, place))
        behind = place + 2 + 12 * len(entries)
        fields = {tag: (kind, count, at) for tag, kind, count, at in entries}
        values = (at + _TYPE_BYTES.get(kind, 1) * count for kind, count, at in fields.values())
        end = max(end, behind + 4, *values, *_ends_of_content(lists, fields))
        inner = [place for tag in _INNER if tag in fields for place in lists.read(*fields[tag], MAX_DIRECTORIES)]
        places += [tiff_number(media, order, behind, "I"), *inner]
    return end


def _ends_of_content(lists: _Lists, fields: dict[int, tuple[int, int, int]]) -> Iterator[int]:
    """Yield the end of each strip and tile of a directory."""
    for starts, lengths in _LENGTH_OF.items():
        if starts in fields and lengths in fields:
            pairs = zip(lists.read(*fields[starts]), lists.read(*fields[lengths]), strict=False)
            yield max((first + size for first, size in pairs), default=0)


def _entries(media: MediaFile, order: str, place: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, type, number and position of the values of each entry."""
    num_entries = tiff_number(media, order, place, "H")
    body = media.peek(place + 2, 12 * min(num_entries, MAX_ENTRIES))
    for number in range(len(body) // 12):
        tag, kind, count, value = struct.unpack_from(order + "HHII", body, 12 * number)
        is_inside = _TYPE_BYTES.get(kind, 1) * count <= 4
        yield tag, kind, count, place + 2 + 12 * number + 8 if is_inside else value


class _Lists:
    """Reads lists of numbers, up to a limit for all of a file."""

    def __init__(self, media: MediaFile, order: str) -> None:
        self._media, self._order = media, order
        self._num_left = MAX_NUMBERS

    def read(self, kind: int, count: int, at: int, max_numbers: int = MAX_NUMBERS) -> list[int]:
        """Return the numbers of an entry."""
        letter = {3: "H", 4: "I", 13: "I"}.get(kind)
        if letter is None:
            return []
        width = struct.calcsize(letter)
        body = self._media.peek(at, min(count, max_numbers, self._num_left) * width)
        num_read = len(body) // width
        self._num_left -= num_read
        return list(struct.unpack(f"{self._order}{num_read}{letter}", body[: num_read * width]))
