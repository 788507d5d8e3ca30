"""Bytes of MP4 and its kin: boxes, and the samples that tables and fragments refer to.

Tables are read here, not taken from FFmpeg's index: edits take samples out of that one which the file has for good
reasons. Terms are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent, Ledger, gaps, merged
from operators.media.mp4_boxes import NO_BOX, Box, boxes, top_boxes

MAX_TABLE_BYTES = 64 * 2**20
"""Of one table of contents; a longer one is not read, and what it refers to counts as referred to by nothing."""
MAX_CHUNKS = 2_000_000
_LONG_KINDS = (b"mdat", b"moov", b"moof", b"free", b"skip", b"wide", b"uuid", b"meta", b"idat", b"mfra", b"udta")
_STRUCTURE = (b"ftyp", b"styp", b"moof", b"sidx", b"ssix", b"mfra", b"prft", b"pdin")
_NOTES = (b"uuid", b"meta", b"udta", b"emsg", b"sefd", b"thum", b"PICT", b"pnot")
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"tref")
_LEAVES = frozenset(
    b"mvhd tkhd mdhd hdlr vmhd smhd nmhd hmhd sthd gmhd dref elst stsd stts ctts cslg stss stps stsz stz2 stsc stco"
    b" co64 sdtp sbgp sgpd subs saiz saio trex mehd leva iods trep senc stsh padb stdp stss sbgp pssh".split()
)
_SHOWN_HANDLERS = frozenset((b"vide", b"soun", b"text", b"sbtl", b"subt", b"subp", b"clcp", b"auxv", b"pict"))
"""Of tracks that are analysed or named; what others hold is data."""


@dataclass(slots=True)
class Track:
    """One `trak`."""

    number: int = 0
    """Its track identifier, as FFmpeg's stream has it."""
    handler: bytes = b""
    sizes: npt.NDArray[np.int64] | None = None
    uniform_size: int = 0
    num_samples: int = 0
    chunks: npt.NDArray[np.int64] | None = None
    runs: list[tuple[int, int]] = field(default_factory=list)
    """First chunk, from 1, and samples a chunk."""


@dataclass(slots=True)
class Film:
    """What the table of contents says."""

    tracks: dict[int, Track] = field(default_factory=dict)
    default_sizes: dict[int, int] = field(default_factory=dict)
    """Of samples in fragments, by track."""
    strays: list[Extent] = field(default_factory=list)
    notes: list[Extent] = field(default_factory=list)


def mp4_ledger(media: MediaFile) -> Ledger:
    """Walk the boxes."""
    ledger, film = Ledger(media.size_bytes), None
    places = list(top_boxes(media))
    ledger.end = end_of_mp4(media, places)
    fragments: list[Box] = []
    media_data: list[Extent] = []
    for box in places:
        if box.start >= ledger.end:
            break
        if box.kind == b"moov":
            ledger.num_second_tables += film is not None
            film = _film(media, box) if film is None else film
        elif box.kind == b"moof":
            fragments.append(box)
        elif box.kind == b"mdat":
            media_data.append((box.body, box.stop))
        elif box.kind in _NOTES:
            ledger.notes.append((box.body, box.stop))
        elif box.kind not in _STRUCTURE:
            ledger.strays.append((box.body, box.stop))
    if film is None:
        return ledger  # stills list what they hold by item, not by track
    ledger.strays += film.strays
    ledger.notes += film.notes
    samples = {track.number: _samples_of(track) for track in film.tracks.values()}
    ledger.num_data_bytes = sum(
        stop - start
        for number, extents in samples.items()
        for start, stop in extents
        if film.tracks[number].handler not in _SHOWN_HANDLERS
    )
    referred = [extent for extents in samples.values() for extent in extents]
    for fragment in fragments:
        referred += _samples_of_fragment(_body(media, fragment), fragment.start, film)
    covered = merged(referred)
    ledger.strays += [gap for extent in media_data for gap in gaps(extent, covered)]
    return ledger


def end_of_mp4(media: MediaFile, places: list[Box]) -> int:
    """Where the first film ends: at a second file type, or where no box begins."""
    is_after_film = False
    for box in places:
        is_known = not box.is_cut_off or box.kind in _LONG_KINDS  # a box that is cut off is one of those
        is_kind = box.kind.isascii() and box.kind.strip(b"\0")
        if not is_kind or not is_known or (box.kind == b"ftyp" and is_after_film):
            return box.start
        is_after_film |= box.kind in (b"moov", b"mdat", b"moof")
    return media.size_bytes


def _body(media: MediaFile, box: Box) -> bytes:
    return media.peek(box.body, min(box.stop - box.body, MAX_TABLE_BYTES))


def _film(media: MediaFile, table: Box) -> Film:
    film = Film()
    body = _body(media, table)
    track = Track()
    for box in _inner(body, 0, len(body)):
        inside, extent = body[box.body : box.stop], (table.body + box.body, table.body + box.stop)
        if box.kind == b"trak":
            track = Track()
        elif box.kind == b"tkhd" and len(inside) >= 24:
            track.number = struct.unpack_from(">I", inside, 20 if inside[0] == 1 else 12)[0]
            film.tracks[track.number] = track
        elif box.kind == b"trex" and len(inside) >= 20:
            film.default_sizes[struct.unpack_from(">I", inside, 4)[0]] = struct.unpack_from(">I", inside, 16)[0]
        elif box.kind in _LEAVES:
            _take_table(track, box.kind, inside)
        elif box.kind in (b"udta", b"meta", b"uuid"):
            film.notes.append(extent)
        elif box.kind not in _PARENTS:
            film.strays.append(extent)
    return film


def _inner(body: bytes, first: int, last: int, depth: int = 0) -> Iterator[Box]:
    """The boxes inside, parents before what they hold."""
    for box in boxes(lambda place, num_bytes: body[place : place + num_bytes], first, last):
        if box.kind == NO_BOX:
            return
        yield box
        if box.kind in _PARENTS and depth < 8:
            yield from _inner(body, box.body, box.stop, depth + 1)


def _take_table(track: Track, kind: bytes, inside: bytes) -> None:
    if kind == b"hdlr" and len(inside) >= 12 and not track.handler:
        track.handler = inside[8:12]
    elif kind == b"stsz" and len(inside) >= 12:
        track.uniform_size, track.num_samples = struct.unpack_from(">II", inside, 4)
        track.sizes = (
            None if track.uniform_size else np.frombuffer(inside[12 : len(inside) // 4 * 4], ">u4").astype(np.int64)
        )
    elif kind == b"stz2" and len(inside) >= 12:
        track.sizes = _compact_sizes(inside)
    elif kind == b"stsc" and len(inside) >= 8:
        rows = np.frombuffer(inside[8 : 8 + (len(inside) - 8) // 12 * 12], ">u4").reshape(-1, 3)
        track.runs = [(int(row[0]), int(row[1])) for row in rows[:MAX_CHUNKS]]
    elif kind in (b"stco", b"co64") and len(inside) >= 8:
        width = 4 if kind == b"stco" else 8
        whole = inside[8 : 8 + (len(inside) - 8) // width * width]
        track.chunks = np.frombuffer(whole, f">u{width}").astype(np.int64)[:MAX_CHUNKS]


def _compact_sizes(inside: bytes) -> npt.NDArray[np.int64]:
    bits, body = inside[7], inside[12:]
    if bits == 16:
        return np.frombuffer(body[: len(body) // 2 * 2], ">u2").astype(np.int64)
    whole = np.frombuffer(body, np.uint8)
    return (np.stack([whole >> 4, whole & 15], axis=1).reshape(-1) if bits == 4 else whole).astype(np.int64)


def _samples_of(track: Track) -> list[Extent]:
    """Where its chunks lie, each as long as its samples are."""
    if track.chunks is None or not len(track.chunks) or not track.runs:
        return []
    num_chunks = len(track.chunks)
    firsts = np.clip(np.array([first - 1 for first, _ in track.runs]), 0, num_chunks)
    repeats = np.diff(np.append(firsts, num_chunks))
    if (repeats < 0).any():
        return []
    counts = np.repeat(np.array([count for _, count in track.runs], np.int64), repeats)[:num_chunks]
    starts = track.chunks[num_chunks - len(counts) :]
    lengths = _chunk_lengths(track, counts)
    return list(zip(starts.tolist(), (starts + lengths).tolist(), strict=True))


def _chunk_lengths(track: Track, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    ends = np.cumsum(counts)
    if track.sizes is None:
        ends = np.minimum(ends, track.num_samples)
        return np.diff(ends, prepend=0) * track.uniform_size
    reached = np.append(0, np.cumsum(track.sizes))
    return np.diff(reached[np.minimum(ends, len(track.sizes))], prepend=0)


def _samples_of_fragment(body: bytes, start: int, film: Film) -> Iterator[Extent]:
    """What the runs of a `moof`, which begins at `start`, refer to, as far as they belong to a known track."""
    place, base, size, number = start, start, 0, 0
    for box in _fragment_boxes(body):
        inside = body[box.body : box.stop]
        if box.kind == b"tfhd" and len(inside) >= 8:
            base, size, number = _fragment_header(inside, start, film)
        elif box.kind == b"trun" and len(inside) >= 8:
            offset, length = _run(inside, size)
            place = base + offset if offset is not None else place
            if number in film.tracks:
                yield place, place + length
            place += length


def _fragment_boxes(body: bytes) -> Iterator[Box]:
    for box in _inner(body, 0, len(body)):
        yield box
        if box.kind == b"traf":
            yield from _inner(body, box.body, box.stop)


def _fragment_header(inside: bytes, start: int, film: Film) -> tuple[int, int, int]:
    """Where offsets of the track fragment count from, the size of its samples by default, and its track."""
    flags, number = struct.unpack_from(">II", inside)
    words, base = inside[8:], start
    if flags & 1 and len(words) >= 8:
        base, words = struct.unpack_from(">Q", words)[0], words[8:]
    skipped = 4 * (bool(flags & 2) + bool(flags & 8))
    size = film.default_sizes.get(number, 0)
    if flags & 0x10 and len(words) >= skipped + 4:
        size = struct.unpack_from(">I", words, skipped)[0]
    return base, size, number


def _run(inside: bytes, default_size: int) -> tuple[int | None, int]:
    """Offset of a `trun`, where it states one, and the bytes of its samples."""
    flags, count = struct.unpack_from(">II", inside)
    place = 8
    offset = None
    if flags & 1 and len(inside) >= 12:
        offset, place = struct.unpack_from(">i", inside, 8)[0], 12
    place += 4 * bool(flags & 4)
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if not flags & 0x200:
        return offset, count * default_size
    rows = np.frombuffer(inside[place : place + count * 4 * len(fields)], np.uint8)
    rows = rows[: len(rows) // (4 * len(fields)) * 4 * len(fields)]
    return offset, int(rows.view(">u4").reshape(-1, len(fields))[:, fields.index(0x200)].sum(dtype=np.int64))
