"""The table of contents of MP4: tracks, and the positions of their samples.

Tables are read here and not taken from FFmpeg's index, from which edits remove samples that the file has for good
reasons. Terms are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.mp4_account import NOTES, Account, moved
from operators.media.ledgers.mp4_needs import Counts
from operators.media.mp4_boxes import Box, body_of

MAX_CHUNKS = 2_000_000
SMALL_SAMPLE_BYTES = 64
"""Equal samples below this size are those of plain sound, whose tables have at most one entry per chunk."""
MAX_TABLE_RATIO = 2
"""Of the file's bytes: maximum total of samples, including those that two tracks share."""
SPARE_ENTRIES = 16
PARENTS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"tref"))
_TABLES = {b"stsz": "sizes", b"stz2": "sizes", b"stsc": "runs", b"stco": "chunks", b"co64": "chunks"}
SHOWN_HANDLERS = frozenset((b"vide", b"soun", b"text", b"sbtl", b"subt", b"subp", b"clcp", b"auxv", b"pict"))
"""Of tracks that are analysed or named; the content of others is data."""

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Track:
    """One `trak`."""

    number: int = 0
    """Its track identifier, as in FFmpeg's stream."""
    handler: bytes = b""
    sizes: Numbers | None = None
    uniform_size: int = 0
    num_samples: int = 0
    """As stated."""
    chunks: Numbers | None = None
    runs: Numbers | None = None
    """Rows of first chunk, from 1, and samples per chunk."""
    boxes: list[tuple[Box, bytes]] = field(default_factory=list)
    """Boxes without nested ones, and their bodies."""
    num_bytes: int = 0
    """Of its samples and its boxes."""
    tables: set[str] = field(default_factory=set)
    """Kinds of its tables."""
    is_ambiguous: bool = False
    """Whether it has two tables of one kind: it is unknown which one a player uses, so none counts."""


@dataclass(slots=True)
class Film:
    """Content of the table of contents."""

    tracks: dict[int, Track] = field(default_factory=dict)
    default_sizes: dict[int, int] = field(default_factory=dict)
    """Of samples in fragments, by track."""
    samples: Numbers = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """Rows of start and end of a chunk."""
    num_samples: int = 0
    """Number for which the file has room."""
    num_data_bytes: int = 0
    """Samples and tables of tracks that are neither pictures nor sound nor text."""


def read_film(media: MediaFile, table: Box, account: Account) -> Film:
    """Read a `moov`, and record its bytes."""
    film, track = Film(), Track()
    tracks = [track]  # the first one receives what belongs to no track
    body = body_of(media, table)
    account.header(table)
    for box in account.inner(body, PARENTS):
        inside, place = body[box.body : box.stop] if box.kind not in PARENTS else b"", moved(box, table.body)
        if box.kind == b"trak":
            track = Track()
            tracks.append(track)
        if box.kind in NOTES:
            account.note(place)
        elif box.kind in PARENTS:
            account.header(place)
        else:
            table_of = _TABLES.get(box.kind, "")
            track.is_ambiguous |= table_of in track.tables
            track.tables |= {table_of} - {""}
            track.boxes.append((place, inside))
            _take(film, track, box.kind, inside)
    film.samples = np.concatenate([_close(film, track, account, media.size_bytes) for track in tracks])
    film.num_data_bytes = sum(track.num_bytes for track in tracks[1:] if track.handler not in SHOWN_HANDLERS)
    return film


def _take(film: Film, track: Track, kind: bytes, inside: bytes) -> None:
    if kind == b"tkhd" and len(inside) >= 24:
        track.number = struct.unpack_from(">I", inside, 20 if inside[0] == 1 else 12)[0]
        film.tracks[track.number] = track
    elif kind == b"trex" and len(inside) >= 20:
        film.default_sizes[struct.unpack_from(">I", inside, 4)[0]] = struct.unpack_from(">I", inside, 16)[0]
    elif kind == b"hdlr" and len(inside) >= 12 and not track.handler:
        track.handler = inside[8:12]
    elif kind == b"stsz" and len(inside) >= 12:
        track.uniform_size, track.num_samples = struct.unpack_from(">II", inside, 4)
        track.sizes = None if track.uniform_size else _numbers(inside, 12, 4)[: track.num_samples]
    elif kind == b"stz2" and len(inside) >= 12:
        (track.num_samples,) = struct.unpack_from(">I", inside, 8)
        track.sizes = _compact_sizes(inside)[: track.num_samples]
    elif kind == b"stsc" and len(inside) >= 8:
        rows = _numbers(inside, 8, 4)[: 3 * MAX_CHUNKS]
        track.runs = rows[: len(rows) // 3 * 3].reshape(-1, 3)[:, :2]
    elif kind in (b"stco", b"co64") and len(inside) >= 8:
        track.chunks = _numbers(inside, 8, 4 if kind == b"stco" else 8)[:MAX_CHUNKS]


def _numbers(inside: bytes, place: int, width: int) -> Numbers:
    whole = inside[place : place + (len(inside) - place) // width * width]
    return np.frombuffer(whole, f">u{width}").astype(np.int64)


def _compact_sizes(inside: bytes) -> Numbers:
    if inside[7] == 16:
        return _numbers(inside, 12, 2)
    whole = np.frombuffer(inside[12:], np.uint8)
    return (np.stack([whole >> 4, whole & 15], axis=1).reshape(-1) if inside[7] == 4 else whole).astype(np.int64)


def _close(film: Film, track: Track, account: Account, size_bytes: int) -> Numbers:
    """Finish a track when all its boxes are known. Returns rows of start and end of its chunks."""
    starts, stops = _samples_of(track)
    counts = _counts(track, size_bytes)
    account.structures(track.boxes, counts)
    film.num_samples += min(track.num_samples, MAX_TABLE_RATIO * size_bytes // max(1, track.uniform_size))
    track.num_bytes = int((stops - starts).sum()) + sum(len(inside) for _, inside in track.boxes)
    return np.stack([starts, stops], axis=1)


def _counts(track: Track, size_bytes: int) -> Counts:
    """Return the number of samples with bytes of their own in the file, and of chunks with samples."""
    num_chunks = 0 if track.chunks is None else len(track.chunks)
    limit = MAX_TABLE_RATIO * size_bytes
    if track.sizes is not None:
        num_samples = int((np.cumsum(track.sizes) <= limit).sum() - (track.sizes == 0).sum())
    elif track.uniform_size >= SMALL_SAMPLE_BYTES:
        num_samples = min(track.num_samples, limit // track.uniform_size)
    else:
        num_samples = min(track.num_samples, num_chunks)
    return Counts(max(0, num_samples) + SPARE_ENTRIES, min(num_chunks, track.num_samples) + SPARE_ENTRIES)


def _samples_of(track: Track) -> tuple[Numbers, Numbers]:
    """Return starts and ends of its chunks, from the sizes of their samples."""
    none = np.zeros(0, np.int64)
    if track.is_ambiguous or track.chunks is None or track.runs is None or not (len(track.chunks) and len(track.runs)):
        return none, none
    num_chunks = len(track.chunks)
    firsts = np.clip(track.runs[:, 0] - 1, 0, num_chunks)
    repeats = np.diff(np.append(firsts, num_chunks))
    if (repeats < 0).any():
        return none, none
    counts = np.repeat(track.runs[:, 1], repeats)[:num_chunks]
    starts = track.chunks[num_chunks - len(counts) :]
    return starts, starts + _chunk_lengths(track, counts)


def _chunk_lengths(track: Track, counts: Numbers) -> Numbers:
    ends = np.cumsum(counts)
    if track.sizes is None:
        ends = np.minimum(ends, track.num_samples)
        return np.diff(ends, prepend=0) * track.uniform_size
    reached = np.append(0, np.cumsum(track.sizes))
    return np.diff(reached[np.minimum(ends, len(track.sizes))], prepend=0)
