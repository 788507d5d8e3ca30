"""Pictures after the first one of a JPEG file that its metadata lists: previews, HDR gain maps, other views.

By CIPA DC-007 (multi-picture format), the Container metadata of Android's Ultra HDR, and the trailer of Samsung's
cameras.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice

from operators.media.ledgers.ledger import Extent

MAX_PICTURES = 100
"""Of one file."""
_MPF = b"MPF\0"
_MPF_ENTRIES = 0xB002
_MPF_ENTRY_BYTES = 16
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ITEM = re.compile(rb"<\w+:Item\s([^>]*)>")
_ATTRIBUTE = re.compile(rb"\w+:(Mime|Length|Padding)\s*=\s*[\"']([^\"']{0,99})[\"']")
_SAMSUNG_END, _SAMSUNG_LIST = b"SEFT", b"SEFH"
_SAMSUNG_HEADER_BYTES = 8
_BEGIN = b"\xff\xd8\xff"


def listed_pictures(whole: bytes, notes: list[Extent], end: int) -> list[Extent]:
    """Return where the metadata of a file whose first picture ends at `end` puts further pictures; it may be wrong.

    Args:
        whole: the file, as far as it was read.
        notes: bodies of the application segments of the first picture.
        end: of the first picture.
    """
    found: list[Extent] = []
    for first, last in notes:
        if whole.startswith(_MPF, first):
            found += _by_index(whole[first + len(_MPF) : last], first + len(_MPF))
        elif whole.startswith(_XMP, first):
            found += _by_container(whole[first:last], end)
    found += _by_trailer(whole)
    apart: list[Extent] = []
    for start, stop in sorted(set(found)):
        if end <= start < stop <= len(whole) and len(apart) < MAX_PICTURES:
            apart.append((start, stop))
            end = stop
    return apart


def _by_index(index: bytes, place: int) -> Iterator[Extent]:
    """Yield pictures of the multi-picture format, whose offsets count from its own header."""
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    if order is None or len(index) < 8:
        return
    directory = struct.unpack_from(order + "I", index, 4)[0]
    fields = index[directory + 2 :]
    for begin in range(0, min(len(fields) - 11, 12 * 50), 12):
        tag, _, num_bytes, offset = struct.unpack_from(order + "HHII", fields, begin)
        if tag == _MPF_ENTRIES:
            entries = index[offset : offset + min(num_bytes, MAX_PICTURES * _MPF_ENTRY_BYTES)]
            for entry in range(0, len(entries) - _MPF_ENTRY_BYTES + 1, _MPF_ENTRY_BYTES):
                _, size, start = struct.unpack_from(order + "III", entries, entry)
                yield place + start, place + start + size


def _by_container(xmp: bytes, end: int) -> Iterator[Extent]:
    """Yield items, which follow each other after the first one with only padding in between."""
    place = end
    for number, item in enumerate(islice(_ITEM.finditer(xmp), MAX_PICTURES)):
        fields = dict(_ATTRIBUTE.findall(item[1]))
        length, padding = (_number(fields.get(name, b"0")) for name in (b"Length", b"Padding"))
        if number and fields.get(b"Mime") == b"image/jpeg":
            yield place, place + length
        place += padding + (length if number else 0)


def _number(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) < 12 else 0


def _by_trailer(whole: bytes) -> Iterator[Extent]:
    """Yield blocks of a list at the end of the file, with offsets before the list."""
    if not whole.endswith(_SAMSUNG_END) or len(whole) < 20:
        return
    start = len(whole) - _SAMSUNG_HEADER_BYTES - struct.unpack_from("<I", whole, len(whole) - 8)[0]
    if start < 0 or not whole.startswith(_SAMSUNG_LIST, start):
        return
    count = struct.unpack_from("<I", whole, start + 8)[0]
    for number in range(min(count, MAX_PICTURES, (len(whole) - 20 - start) // 12)):
        _, distance, size = struct.unpack_from("<III", whole, start + 12 + 12 * number)
        body = whole.find(_BEGIN, max(0, start - distance), max(0, start - distance + min(size, 64)))
        if body >= 0:
            yield body, start - distance + size
