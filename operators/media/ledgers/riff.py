"""Bytes of AVI, WAV and WebP: chunks, and those of AVI's streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent, Ledger

MAX_CHUNKS = 200_000
"""Read at most, of all levels."""
_NOTES = (b"LIST", b"bext", b"iXML", b"_PMX", b"EXIF", b"XMP ", b"ID3 ", b"id3 ", b"ICCP", b"axml", b"chna", b"INFO")
_STRUCTURE = (
    b"fmt ",
    b"data",
    b"fact",
    b"cue ",
    b"smpl",
    b"inst",
    b"idx1",
    b"ds64",
    b"PEAK",
    b"acid",
    b"VP8 ",
    b"VP8L",
)
_PICTURES = (b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"levl", b"minf", b"elm1", b"regn", b"umid", b"plst")
_STREAM_KINDS = (b"dc", b"db", b"wb", b"tx", b"pc", b"iv")


def riff_ledger(media: MediaFile, num_streams: int) -> Ledger:
    """Walk the chunks; `num_streams` is how many streams FFmpeg knows."""
    ledger, place = Ledger(media.size_bytes), 0
    budget = iter(range(MAX_CHUNKS))
    while True:
        head = media.peek(place, 12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64", b"RIFX") or (place and head[8:12] != b"AVIX"):
            ledger.end = min(place, media.size_bytes)
            return ledger
        stop = _stop(media, place, head)
        _walk(media, ledger, (place + 12, stop), num_streams, budget)
        place = stop + (stop - place) % 2
        if place >= media.size_bytes:
            return ledger


def _stop(media: MediaFile, place: int, head: bytes) -> int:
    size = struct.unpack_from("<I", head, 4)[0]
    # Recorders that were interrupted, and files beyond 4 GiB, state none.
    return media.size_bytes if size in (0, 0xFFFFFFFF) else min(media.size_bytes, place + 8 + size)


def _walk(media: MediaFile, ledger: Ledger, extent: Extent, num_streams: int, budget: Iterator[int]) -> None:
    for kind, first, last in _chunks(media, extent, budget):
        is_list = kind == b"LIST"
        name = media.peek(first, 4) if is_list else b""
        if name in (b"movi", b"rec ", b"hdrl", b"strl", b"odml"):
            _walk(media, ledger, (first + 4, last), num_streams, budget)
        elif is_list or kind in _NOTES:
            ledger.notes.append((first, last))
        elif not _is_known(kind, num_streams):
            ledger.strays.append((first, last))
        elif kind[2:] in _STREAM_KINDS:
            ledger.num_stream_bytes += last - first


def _is_known(kind: bytes, num_streams: int) -> bool:
    if kind in _STRUCTURE or kind in _PICTURES or kind.startswith((b"str", b"ix", b"avih", b"dmlh", b"indx", b"vprp")):
        return True
    return kind[:2].isdigit() and kind[2:] in _STREAM_KINDS and int(kind[:2]) < num_streams


def _chunks(media: MediaFile, extent: Extent, budget: Iterator[int]) -> Iterator[tuple[bytes, int, int]]:
    """Kind and body of the chunks of a list."""
    place = extent[0]
    while place + 8 <= extent[1] and next(budget, None) is not None:
        head = media.peek(place, 8)
        if len(head) < 8:
            return
        size = struct.unpack_from("<I", head, 4)[0]
        yield head[:4], place + 8, min(extent[1], place + 8 + size)
        place += 8 + size + size % 2
