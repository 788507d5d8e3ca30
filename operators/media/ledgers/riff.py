"""Bytes of AVI, WAV and WebP: chunks, and those of AVI's streams.

A chunk that a format needs may have its necessary length; players do not use more.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from operators.media.containers import MediaFile
from operators.media.ledgers.budget import Budget
from operators.media.ledgers.ledger import Extent, Ledger
from operators.media.ledgers.profiles import PEAK_HEAD_BYTES, PROFILE_HEAD_BYTES, is_profile, num_peak_bytes
from operators.media.ledgers.stills import take_profile

MAX_DEPTH = 8
"""Of nested lists; AVI has three levels."""
MAX_INDEX_BYTES = 32 * 2**20
"""Of one index, which is read entry by entry."""
_MAGICS = (b"RIFF", b"RF64", b"BW64", b"RIFX")
MAX_HEADER_BYTES = 2**14
"""Of a chunk that is no picture and no sound."""
MAX_PEAK_RATIO = 4
"""Length of the peaks divided by that of all else: two peaks of 16 bits for each sample of 8 bits."""
_OPEN_SIZES = (0, 0xFFFFFFFF)
"""Of interrupted recordings, and of files above 4 GiB."""
_LISTS = (b"movi", b"rec ", b"hdrl", b"strl", b"odml")
_NOTES = (
    b"LIST bext iXML _PMX EXIF XMP  ID3  id3  ICCP axml chna INFO cart DISP SMED SNDM ResU dbmd afsp strc levl minf"
    b" elm1 regn umid aXML ovwf CSET strd strn note labl ltxt"
)
_NOTE_KINDS = frozenset(_NOTES[place : place + 4] for place in range(0, len(_NOTES), 5))
_WAVE_BYTES: Final = {
    b"fmt ": 1_024, b"fact": 64, b"cue ": 2**14, b"smpl": 2**14, b"inst": 64, b"PEAK": 2_056, b"acid": 64,
    b"ds64": 2**12, b"plst": 2**14,
}  # fmt: skip
_AVI_BYTES: Final = {b"avih": 64, b"strh": 64, b"strf": 2**14, b"dmlh": 512, b"vprp": 1_024}
_WEBP_BYTES: Final = {b"VP8X": 10, b"ANIM": 6}
_WEBP_PICTURES = (b"VP8 ", b"VP8L", b"ALPH")
_ANIMATION_FLAG = 2
_ALPHA_FLAG = 16
_STREAM_KINDS = (b"dc", b"db", b"wb", b"tx", b"pc", b"iv")
_INDEX_ENTRY_BYTES = 16
_FIELD_ENTRY_BYTES = 12
_INDEX_HEADER_BYTES = 32


@dataclass(slots=True)
class _Walk:
    """State of the walk."""

    media: MediaFile
    ledger: Ledger
    num_streams: int
    form: bytes = b""
    order: str = "<"
    long_sizes: dict[bytes, int] = field(default_factory=dict)
    """Of RIFF and data, if 32 bits are not sufficient."""
    budget: Budget = field(default_factory=Budget)
    seen: Counter[bytes] = field(default_factory=Counter)
    """Kinds that occurred: a necessary kind occurs once, or once per stream."""
    letters: dict[int, bytes] = field(default_factory=dict)
    """By number of a stream: behind it, in its first chunk."""
    indexes: list[tuple[bytes, int, int]] = field(default_factory=list)
    num_chunks: int = 0
    """Number that an index may list."""
    num_open_lists: int = 0
    """Lists of the streams' chunks around the walk."""
    is_animated: bool = False
    max_alpha_bytes: int = 0
    """Of a still WebP picture: one a pixel, unless it is packed."""


def riff_ledger(media: MediaFile, num_streams: int) -> Ledger:
    """Walk the chunks; `num_streams` is the number of streams that FFmpeg knows."""
    ledger = Ledger(media.size_bytes)
    walk, place = _Walk(media, ledger, num_streams), 0
    while place < media.size_bytes:
        head = media.peek(place, 12)
        if len(head) < 12 or head[:4] not in _MAGICS or (place and head[8:12] != b"AVIX"):
            ledger.end = place
            break
        walk.form, walk.order = walk.form or head[8:12], ">" if head[:4] == b"RIFX" else "<"
        place = _even(_walk_chunks(walk, (place + 12, _stated_stop(walk, place, head)), depth=0), place)
    _take_indexes(walk)
    return ledger


def _even(stop: int, start: int) -> int:
    return stop + (stop - start) % 2


def _stated_stop(walk: _Walk, place: int, head: bytes) -> int:
    size = struct.unpack_from(walk.order + "I", head, 4)[0]
    if size in _OPEN_SIZES:
        _take_long_sizes(walk, walk.media.peek(place + 12, 32))
        size = walk.long_sizes.get(b"RIFF", 0) or walk.media.size_bytes
    return min(walk.media.size_bytes, place + 8 + int(size))


def _take_long_sizes(walk: _Walk, chunk: bytes) -> None:
    """Read the chunk that comes first if 32 bits are not sufficient."""
    if chunk[:4] == b"ds64" and len(chunk) >= 24:
        riff, data = struct.unpack_from("<QQ", chunk, 8)
        walk.long_sizes = {b"RIFF": riff, b"data": data}


def _walk_chunks(walk: _Walk, extent: Extent, *, depth: int) -> int:
    """Record the chunks of a list. Returns its end: after the last chunk, if that is longer than stated."""
    place, stop = extent
    while place + 8 <= stop and not walk.budget.is_spent:
        kind, first, last, stated = _chunk(walk, place, stop, depth)
        if kind is None:
            return stop
        name = walk.media.peek(first, 4) if kind == b"LIST" else b""
        if name in _LISTS and depth < MAX_DEPTH:
            walk.num_open_lists += name == b"movi"
            last = _walk_chunks(walk, (first + 4, last), depth=depth + 1)
            walk.num_open_lists -= name == b"movi"
        elif name in _LISTS:
            walk.ledger.strays.append((first, last))
        _take_chunk(walk, kind, first, last)
        stop = max(stop, last)
        place = max(last, first + stated) if name not in _LISTS else last
        place += (place - first) % 2
    if walk.budget.hides_the_rest:
        walk.ledger.strays.append((place, stop))
    return stop


def _chunk(walk: _Walk, place: int, stop: int, depth: int) -> tuple[bytes | None, int, int, int]:
    """Return kind, body and stated length of a chunk: sound and pictures of an interrupted recording extend to the
    end."""
    head = walk.media.peek(place, 12)
    if len(head) < 8:
        return None, place, place, 0
    kind, size, first = head[:4], struct.unpack_from(walk.order + "I", head, 4)[0], place + 8
    is_sound = kind == b"data" and walk.form == b"WAVE" and kind not in walk.seen
    is_content = is_sound or (kind == b"LIST" and head[8:12] == b"movi")
    if depth or not is_content:
        return kind, first, min(stop, first + size), size
    if size == 0xFFFFFFFF:
        size = walk.long_sizes.get(kind, 0)
    size = size or walk.media.size_bytes - first
    return kind, first, min(walk.media.size_bytes, first + size), size


def _take_chunk(walk: _Walk, kind: bytes, first: int, last: int) -> None:
    if walk.num_open_lists and _is_of_stream(walk, kind):
        walk.ledger.num_stream_bytes += last - first
        walk.num_chunks += 1
        walk.budget.spend_sample(last - first)
        return
    walk.budget.spend_other()
    if kind == b"LIST" and walk.media.peek(first, 4) in _LISTS:
        walk.num_chunks += 1
    elif kind == b"ICCP" and is_profile(walk.media.peek(first, PROFILE_HEAD_BYTES)):
        take_profile(walk.ledger, [(first, last)])
    elif kind == b"levl" and _is_among(walk, kind, 1):
        _take_peaks(walk, first, last)
    elif kind in _NOTE_KINDS:
        walk.ledger.notes.append((first, last), header_bytes=8)
    elif kind in (b"idx1", b"indx") or kind.startswith(b"ix"):
        walk.indexes.append((kind, first, last))
    else:
        unused = first + min(last - first, _needed_bytes(walk, kind, first, last))
        if first < unused <= first + MAX_HEADER_BYTES:
            searched = walk.ledger.coded if _is_content(walk, kind) else walk.ledger.described
            searched.append((first, last))
        walk.ledger.strays.append((unused, last), header_bytes=8)


def _take_peaks(walk: _Walk, first: int, last: int) -> None:
    """Record the peaks of a waveform: two numbers a sample of 16 bits are as long as twice the sound."""
    longest = MAX_PEAK_RATIO * (walk.media.size_bytes - (last - first))
    used = first + min(last - first, num_peak_bytes(walk.media.peek(first, PEAK_HEAD_BYTES)), longest)
    walk.ledger.described.append((first, used))
    walk.ledger.notes.append((used, last))


def _is_of_stream(walk: _Walk, kind: bytes) -> bool:
    """By its number; its letters are one of a few, or, as those of DV, of the stream's own from its first chunk on."""
    if not kind[:2].isdigit() or int(kind[:2]) >= walk.num_streams:
        return False
    return walk.letters.setdefault(int(kind[:2]), kind[2:]) == kind[2:] or kind[2:] in _STREAM_KINDS


def _needed_bytes(walk: _Walk, kind: bytes, first: int, last: int) -> int:
    """Return the necessary length of the chunk; 0 if it is not needed."""
    if walk.form == b"AVI ":
        return _AVI_BYTES.get(kind, 0) if _is_among(walk, kind, walk.num_streams) else 0
    if walk.form == b"WEBP" and kind == b"ANMF":
        return last - first if walk.is_animated else 0
    if not _is_among(walk, kind, 1):
        return 0
    if walk.form == b"WEBP":
        flags = walk.media.peek(first, 1) if kind == b"VP8X" else b""
        walk.is_animated |= bool(flags and flags[0] & _ANIMATION_FLAG)
        if flags and flags[0] & _ALPHA_FLAG:
            size = walk.media.peek(first + 4, 6)
            width, height = (int.from_bytes(size[place : place + 3], "little") + 1 for place in (0, 3))
            walk.max_alpha_bytes = 1 + width * height
    if kind == b"ALPH":
        return _alpha_bytes(walk, last - first)
    return last - first if _is_content(walk, kind) else {**_WAVE_BYTES, **_WEBP_BYTES}.get(kind, 0)


def _is_content(walk: _Walk, kind: bytes) -> bool:
    return kind == b"data" if walk.form == b"WAVE" else walk.form == b"WEBP" and kind in _WEBP_PICTURES


def _alpha_bytes(walk: _Walk, num_bytes: int) -> int:
    """Return the necessary length of transparency: none behind the picture, or without the flag for it."""
    return 0 if walk.seen[b"VP8 "] or walk.seen[b"VP8L"] else min(num_bytes, walk.max_alpha_bytes)


def _is_among(walk: _Walk, kind: bytes, num_needed: int) -> bool:
    walk.seen[kind] += 1
    return walk.seen[kind] <= num_needed


def _take_indexes(walk: _Walk) -> None:
    """Check indexes: each chunk is listed once; further entries, or entries without a stream, are strays."""
    entries_left = {b"idx1": walk.num_chunks, b"ix": walk.num_chunks, b"indx": walk.num_chunks}
    for kind, first, last in walk.indexes:
        group = kind if kind in entries_left else b"ix"
        header = 0 if kind == b"idx1" else _INDEX_HEADER_BYTES
        width = _FIELD_ENTRY_BYTES if group == b"ix" else _INDEX_ENTRY_BYTES
        num_entries = min(entries_left[group], max(0, last - first - header) // width)
        entries_left[group] -= num_entries
        walk.ledger.described.append((first, last))
        walk.ledger.strays.append((min(last, first + header + num_entries * width), last))
        if kind == b"idx1":
            walk.ledger.num_stray_bytes += _INDEX_ENTRY_BYTES * _num_foreign(walk, first, num_entries)


def _num_foreign(walk: _Walk, first: int, num_entries: int) -> int:
    """Return the number of index entries whose first four bytes name neither a stream nor a list."""
    whole = walk.media.peek(first, min(num_entries * _INDEX_ENTRY_BYTES, MAX_INDEX_BYTES))
    rows = np.frombuffer(whole[: len(whole) // _INDEX_ENTRY_BYTES * _INDEX_ENTRY_BYTES], np.uint8).reshape(-1, 16)
    is_stream = ((rows[:, :2] >= 0x30) & (rows[:, :2] <= 0x39)).all(axis=1)
    is_list = (rows[:, :4] == np.frombuffer(b"rec ", np.uint8)).all(axis=1)
    return int((~is_stream & ~is_list).sum())
