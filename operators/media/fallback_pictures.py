"""Pictures that only players without support for animations show, instead of the animation. Decoder process only."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from av.container import InputContainer
from av.stream import Stream

from operators.media.containers import MediaFile
from operators.media.index import UnseenTrack
from operators.media.streams_of import is_picture_item

MAX_CHUNKS = 1_000
"""Of PNG, before the first picture; later ones are not part of the header."""
PNG_FALLBACK = "png before the animation"


def png_fallback(container: InputContainer, media: MediaFile) -> Iterator[UnseenTrack]:
    """Yield the picture of an animated PNG that is not part of the animation, which FFmpeg skips."""
    if container.format.name != "apng":
        return
    place = 8
    for _ in range(MAX_CHUNKS):
        header = media.peek(place, 8)
        kind = header[4:]
        if len(header) < 8 or kind == b"fcTL":
            return
        size = int(struct.unpack_from(">I", header)[0])
        if kind == b"IDAT":
            yield UnseenTrack("video", -1, PNG_FALLBACK, size)
            return
        place += 12 + size


def is_shown_again(stream: Stream, analysed: Stream | None) -> bool:
    """Return whether a picture item of AVIF or HEIC is a picture of the analysed track: the same bytes, and the same
    codec header."""
    if analysed is None or not is_picture_item(stream) or is_picture_item(analysed):
        return False
    places = {(entry.pos, entry.size) for entry in stream.index_entries}
    is_same = stream.codec_context.extradata == analysed.codec_context.extradata
    return is_same and bool(places) and places <= {(entry.pos, entry.size) for entry in analysed.index_entries}
