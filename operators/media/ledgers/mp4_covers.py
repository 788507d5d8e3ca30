"""Cover pictures in the metadata of MP4: FFmpeg lists each, so they are named as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Extent, Ledger, gaps, merged
from operators.media.ledgers.stills import gif_ledger, jpeg_ledger, png_ledger
from operators.media.mp4_boxes import Box, boxes
from operators.media.progressive_file import ProgressiveFile

MIN_NOTE_BYTES = 64 * 1024
"""Shorter boxes are not searched for pictures."""
MAX_COVERS = 20
MAX_BOXES = 1_000
"""Maximum number in one box."""
_PATH = (b"meta", b"ilst", b"covr", b"data")
_FIRST_OF_META = (b"hdlr", b"keys", b"ilst")
_DATA_HEAD_BYTES = 8
"""Type and locale, before a picture."""
_LEDGERS = ((b"\xff\xd8\xff", jpeg_ledger), (b"\x89PNG", png_ledger), (b"GIF8", gif_ledger))


def without_covers(media: MediaFile, note: Extent) -> list[Extent]:
    """Return the parts of a metadata box that are no cover picture; metadata inside such pictures is included."""
    start, stop = note
    if stop - start < MIN_NOTE_BYTES:
        return [note]
    pictures = [
        picture for place in islice(_data(media, start, stop), MAX_COVERS) for picture in _picture(media, *place)
    ]
    return gaps(note, merged(pictures))


def _data(media: MediaFile, start: int, stop: int) -> Iterator[Extent]:
    """Yield the content of cover boxes; the body of `meta`, or of a surrounding box, is `[start, stop)`."""
    path = _PATH[1:] if _is_meta(media, start) else _PATH
    for box in _at(media, _first(media, start), stop, path):
        yield box.body + _DATA_HEAD_BYTES, box.stop


def _at(media: MediaFile, start: int, stop: int, path: tuple[bytes, ...]) -> Iterator[Box]:
    for box in islice(boxes(media.peek, start, stop), MAX_BOXES):
        if box.kind == path[0]:
            first = _first(media, box.body) if box.kind == b"meta" else box.body
            yield from _at(media, first, box.stop, path[1:]) if path[1:] else (box,)


def _is_meta(media: MediaFile, start: int) -> bool:
    head = media.peek(start, 12)
    return head[4:8] in _FIRST_OF_META or head[8:12] in _FIRST_OF_META


def _first(media: MediaFile, start: int) -> int:
    """Return where boxes begin: QuickTime has no version before them."""
    return start + 4 * (media.peek(start + 8, 4) in _FIRST_OF_META)


def _picture(media: MediaFile, start: int, stop: int) -> list[Extent]:
    """Return the picture that begins here, without its metadata and bytes after its end."""
    part = MediaFile(media.fd, stop - start, media.max_pixels)
    part.arriving = ProgressiveFile(
        media.fd, stop - start, read_at=lambda _fd, num_bytes, place: media.peek(start + place, num_bytes)
    )
    head = part.peek(0, 4)
    ledger = next((walk(part) for signature, walk in _LEDGERS if head.startswith(signature)), Ledger(0))
    if ledger.notes.num_bytes_beyond or ledger.strays.num_bytes_beyond:
        return []  # no picture has as many notes
    notes = merged([*ledger.notes, *ledger.strays])
    return [(start + first, start + last) for first, last in gaps((0, ledger.end), notes)]
