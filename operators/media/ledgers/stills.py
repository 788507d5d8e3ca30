"""End of a still picture or an animation, and content that is not needed to show it."""

from __future__ import annotations

import re
import struct
from itertools import islice
from typing import Final

from operators.media.containers import MediaFile
from operators.media.ledgers.gif_blocks import GIF_END, GIF_EXTENSION, gif_blocks, joined_subblocks
from operators.media.ledgers.jpeg_parts import listed_pictures
from operators.media.ledgers.ledger import Extent, Ledger
from operators.media.ledgers.png_rows import SPARE_BYTES, PackedRows
from operators.media.ledgers.profiles import MAX_PROFILE_BYTES, PROFILE_HEAD_BYTES, is_packed_profile, is_profile
from operators.media.ledgers.thermal import thermal_parts

MAX_PARTS = 200_000
"""Chunks, segments and blocks, read at most."""
MAX_READ_BYTES = 64 * 2**20
MAX_TABLE_BYTES = 64 * 2**10
"""Of JPEG's tables in total: a picture in 20 passes has 10 KiB."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Of JPEG, inside coded data: no stuffed byte, restart or fill byte."""
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_PNG_BYTES: Final = {
    b"IHDR": 13, b"PLTE": 768, b"IEND": 0, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"bKGD": 6, b"pHYs": 9,
    b"sBIT": 4, b"hIST": 512, b"tIME": 7, b"acTL": 8, b"fcTL": 26, b"cICP": 4, b"mDCV": 24, b"cLLI": 8,
    b"CgBI": 4,
}  # fmt: skip
_HEAD_BYTES = 4096
_ICC = b"ICC_PROFILE\0"
_ICC_HEAD_BYTES = len(_ICC) + 2
"""With the number of a part and that of all parts."""
_GIF_NOTES = (0xFE, 0xFF, 0x01)
_GIF_CONTROL = 0xF9
_GIF_CONTROL_BYTES = 8


def png_ledger(media: MediaFile) -> Ledger:
    """After `IEND`; text and profiles are notes, chunks that players do not read are strays."""
    ledger, start, is_animated = Ledger(media.size_bytes), 8, False
    rows = PackedRows(media.peek(16, 13))
    for _ in range(MAX_PARTS):
        header = media.peek(start, 8)
        if len(header) < 8:
            return ledger
        size, kind = struct.unpack(">I4s", header)
        first, last = start + 8, min(media.size_bytes, start + 8 + size)
        is_animated |= kind == b"acTL"
        if kind == b"iCCP" and is_packed_profile(media.peek(first, min(_HEAD_BYTES, last - first))):
            take_profile(ledger, [(first, last)])
        elif _is_png_note(kind):
            ledger.notes.append((first, last), header_bytes=12)
        elif kind == b"IDAT":
            unused, _ = rows.unused(media, first, last)
            ledger.described.append((max(first, unused - SPARE_BYTES) if unused < last else last, last))
            ledger.strays.append((unused, last), header_bytes=12)
        elif not (kind == b"fdAT" and is_animated):
            ledger.described.append((first, last), header_bytes=12)
            ledger.strays.append((min(last, first + _PNG_BYTES.get(kind, 0)), last), header_bytes=12)
        start += 12 + int(size)
        if kind == b"IEND":
            ledger.end = min(start, media.size_bytes)
            return ledger
    end = media.peek(start, MAX_READ_BYTES).find(_PNG_END)
    ledger.end = start + end + len(_PNG_END) if end >= 0 else media.size_bytes
    ledger.strays.append((start, ledger.end))
    return ledger


def take_profile(ledger: Ledger, parts: list[Extent]) -> None:
    """Record a colour profile, up to the length that profiles have."""
    bytes_left = MAX_PROFILE_BYTES
    for start, stop in parts:
        end = min(stop, start + bytes_left)
        bytes_left -= end - start
        ledger.described.append((start, end))
        ledger.notes.append((end, stop))


def _is_png_note(kind: bytes) -> bool:
    """Return whether the first letter is small, which marks chunks that a player may ignore."""
    return bool(kind[0] & 0x20) and kind not in _PNG_BYTES and kind != b"fdAT"


def jpeg_ledger(media: MediaFile) -> Ledger:
    """After the end of the first image; application segments are notes, further listed images are named."""
    ledger = Ledger(media.size_bytes)
    whole = media.peek(0, MAX_READ_BYTES)
    notes, tables, stop, is_whole = _jpeg_segments(whole, 0, len(whole))
    _take_segments(whole, ledger, notes, tables)
    if stop is None:
        return ledger
    if not is_whole:
        ledger.strays.append((stop, media.size_bytes))
        return ledger
    ledger.end = stop
    ledger.pictures += [
        (start, end) for start, end in listed_pictures(whole, notes, stop) if _is_jpeg(whole, start, end, ledger)
    ]
    return ledger


def _take_segments(whole: bytes, ledger: Ledger, notes: list[Extent], tables: list[Extent]) -> None:
    parts = [(start, stop) for start, stop in notes if whole.startswith(_ICC, start)]
    head = parts[0][0] + _ICC_HEAD_BYTES if parts else len(whole)
    profile = parts if is_profile(whole[head : head + PROFILE_HEAD_BYTES]) else []
    take_profile(ledger, [(start + _ICC_HEAD_BYTES, stop) for start, stop in profile])
    thermal = thermal_parts(whole, notes)
    ledger.described += thermal
    if thermal:
        ledger.pictures.append((thermal[0][0], thermal[-1][1]))
    explained = frozenset((*profile, *thermal))  # a hostile file has many parts
    for extent in notes:
        if extent not in explained:
            ledger.notes.append(extent, header_bytes=4)
    used = 0
    for start, stop in tables:
        if used + stop - start > MAX_TABLE_BYTES:
            ledger.strays.append((start, stop), header_bytes=4)
        else:
            used += stop - start
            ledger.described.append((start, stop))


def _is_jpeg(whole: bytes, start: int, stop: int, ledger: Ledger) -> bool:
    """Return whether a picture begins and ends there; unnecessary content in it is a stray as in the first one."""
    if not whole.startswith(b"\xff\xd8\xff", start):
        return False
    notes, tables, end, is_whole = _jpeg_segments(whole, start, stop)
    if end is None or not is_whole:
        return False
    _take_segments(whole, ledger, notes, tables)
    ledger.strays.append((end, stop))
    return True


def _jpeg_segments(whole: bytes, start: int, stop: int) -> tuple[list[Extent], list[Extent], int | None, bool]:
    """Return notes, tables, and the end of the image (none if truncated); False if it has too many parts."""
    notes: list[Extent] = []
    tables: list[Extent] = []
    place = start + 2
    for _ in range(MAX_PARTS):
        if place + 2 > stop:
            return notes, tables, None, True
        marker = whole[place + 1] if whole[place] == 0xFF else 0
        if marker == 0xD9:
            return notes, tables, place + 2, True
        if marker and (marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8):
            place += 1 if marker == 0xFF else 2
            continue
        if marker:
            size = struct.unpack_from(">H", whole, place + 2)[0] if place + 4 <= stop else 0
            kind = notes if 0xE0 <= marker <= 0xEF or marker == 0xFE else tables
            kind.append((min(stop, place + 4), min(stop, place + 2 + size)))
            place += 2 + size
        if not marker or marker == 0xDA:
            found = _MARKER.search(whole, place, stop)
            if found is None:
                return notes, tables, None, True
            place = found.start()
    return notes, tables, place, False


def gif_ledger(media: MediaFile) -> Ledger:
    """After the trailer; comments and application data are notes."""
    ledger, whole = Ledger(media.size_bytes), media.peek(0, MAX_READ_BYTES)
    if len(whole) < 13:
        return ledger
    stop, content = 0, bytearray()
    for kind, label, (start, stop) in islice(gif_blocks(whole), MAX_PARTS):
        if kind == GIF_END:
            ledger.end, ledger.loose = stop, bytes(content)
            return ledger
        if kind == GIF_EXTENSION and label in _GIF_NOTES:
            ledger.notes.append((start, stop))
        elif kind == GIF_EXTENSION:
            ledger.strays.append((min(stop, start + _GIF_CONTROL_BYTES * (label == _GIF_CONTROL)), stop))
        if kind == GIF_EXTENSION and stop - start > _GIF_CONTROL_BYTES:
            content += joined_subblocks(whole, start + 2, stop)
    ledger.loose = bytes(content)
    if stop < len(whole):
        ledger.strays.append((stop, media.size_bytes))
    return ledger
