"""How much of a file lies behind the end of its container. Decoder process only.

A demuxer reads up to the end that the container states. What lies behind it, a second film or the clip of a motion
photo, is media to whoever cuts it off, and nobody has looked at it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from operators.media.containers import MediaFile

MIN_TRAILING_BYTES = 1024
"""Padding and notes of encoders are shorter; no clip is."""
MAX_BOXES = 100_000
"""Read at most: a fragmented recording has two a fragment, and a crafted file must not cost more."""
_HEADER_BYTES = 16
_LONG_KINDS = (b"mdat", b"moov", b"moof", b"free", b"skip", b"wide", b"uuid", b"meta", b"idat", b"mfra", b"udta")


def num_trailing_bytes(container: str, media: MediaFile) -> int:
    """Bytes behind the end of MP4, Matroska and PNG files; 0 for other containers and for padding.

    Args:
        container: demuxer names, as in `MediaIndex`.
        media: the file.
    """
    if container.startswith("mov,"):
        end = _end_of_mp4(media)
    elif container.startswith("matroska,"):
        end = _end_of_matroska(media)
    elif container == "png_pipe":
        end = _end_of_png(media)
    else:
        return 0
    num_bytes = media.size_bytes - end
    return num_bytes if num_bytes >= MIN_TRAILING_BYTES else 0


def _end_of_mp4(media: MediaFile) -> int:
    """Where the first film ends: at a second file type, or where no box begins."""
    is_after_film = False
    for start, kind, stop in _boxes(media):
        is_known = stop <= media.size_bytes or kind in _LONG_KINDS  # a box that is cut off is one of those
        if not kind.isascii() or not kind.strip(b"\0") or not is_known or (kind == b"ftyp" and is_after_film):
            return start
        is_after_film |= kind in (b"moov", b"mdat", b"moof")
        if stop >= media.size_bytes:
            break
    return media.size_bytes


def _boxes(media: MediaFile) -> Iterator[tuple[int, bytes, int]]:
    """Start, kind and end of the boxes at the top level."""
    start = 0
    for _ in range(MAX_BOXES):
        header = media.peek(start, _HEADER_BYTES)
        if len(header) < 8:
            return
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == _HEADER_BYTES:
            size = struct.unpack_from(">Q", header, 8)[0]
        stop = media.size_bytes if size == 0 else start + size
        yield start, kind if size == 0 or size >= 8 else b"\xff", stop
        if stop <= start or stop >= media.size_bytes:
            return
        start = stop


def _end_of_matroska(media: MediaFile) -> int:
    """Behind the first segment; the file's end where its length is not stated, as in recordings of browsers."""
    start = 0
    for _ in range(MAX_BOXES):
        element = _element(media.peek(start, _HEADER_BYTES))
        if element is None:
            break
        number, header_bytes, size = element
        if size is None:
            break
        start += header_bytes + size
        if number == _SEGMENT:
            return min(start, media.size_bytes)
        if start >= media.size_bytes:
            break
    return media.size_bytes


_SEGMENT = 0x18538067


def _element(header: bytes) -> tuple[int, int, int | None] | None:
    """Number, length of the header and length of the body; None where none begins."""
    if not header or not header[0]:
        return None
    id_bytes = 9 - header[0].bit_length()
    if len(header) <= id_bytes or not header[id_bytes]:
        return None
    size_bytes = 9 - header[id_bytes].bit_length()
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
    is_unknown = size == (1 << 7 * size_bytes) - 1
    return int.from_bytes(header[:id_bytes], "big"), id_bytes + size_bytes, None if is_unknown else size


def _end_of_png(media: MediaFile) -> int:
    start = 8
    for _ in range(MAX_BOXES):
        header = media.peek(start, 8)
        if len(header) < 8:
            break
        size, kind = struct.unpack(">I4s", header)
        start += 12 + int(size)
        if kind == b"IEND":
            return min(start, media.size_bytes)
    return media.size_bytes
