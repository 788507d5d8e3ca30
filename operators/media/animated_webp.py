"""Animated WebP: recognised and listed here, because FFmpeg reads its first picture or none, depending on the release.

Decoder process only. The layout is that of RFC 9649.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from operators.media.containers import MediaFile, refuse_many_pixels
from operators.media.index import VideoStreamIndex
from operators.media.video_index import content_seconds

MAX_CHUNKS = 60_000
"""As many as packets are read of other files without an index. A file with more pictures is refused by the decoder."""
MAX_PIXELS = 16 * 2**20
"""Of one picture: libwebp and Pillow hold several copies of it with transparency, some 20 bytes a pixel."""
SHORTEST_SECONDS = 0.01
SHOWN_INSTEAD_SECONDS = 0.1
"""Browsers show a picture of at most the shortest duration for as long as this."""
_HEADER_BYTES = 30
_ANIMATION_FLAG = 2
_CHUNK_HEADER_BYTES = 8
_FRAME_HEADER_BYTES = 16


@dataclass(frozen=True, slots=True)
class WebpAnimation:
    """What the header and the frames of the file say."""

    width: int
    height: int
    start_seconds: tuple[float, ...]
    """Per picture: when it appears."""
    duration_seconds: float


def is_animated_webp(media: MediaFile) -> bool:
    """Return whether the extended header of a WebP file has the animation flag."""
    header = media.peek(0, _HEADER_BYTES)
    is_extended = header.startswith(b"RIFF") and header[8:16] == b"WEBPVP8X" and len(header) == _HEADER_BYTES
    return is_extended and bool(header[20] & _ANIMATION_FLAG)


def webp_animation(media: MediaFile) -> WebpAnimation:
    """Return the list of pictures of an animated WebP file."""
    header = media.peek(0, _HEADER_BYTES)
    durations = list(_durations(media))
    starts = [0.0, *accumulate(durations)]
    return WebpAnimation(
        width=1 + int.from_bytes(header[24:27], "little"),
        height=1 + int.from_bytes(header[27:30], "little"),
        start_seconds=tuple(starts[:-1]),
        duration_seconds=starts[-1],
    )


def index_animation(media: MediaFile) -> VideoStreamIndex:
    """Return the index of an animated WebP file, which can be read from its beginning only.

    Raises:
        InvalidMedia: Its pictures have more pixels than a decoder process has memory for.
    """
    animation = webp_animation(media)
    refuse_many_pixels(animation.width, animation.height, min(media.max_pixels, MAX_PIXELS))
    shown, duration = list(animation.start_seconds), animation.duration_seconds
    return VideoStreamIndex(
        codec="webp",
        width=animation.width,
        height=animation.height,
        pixel_aspect=1.0,
        frame_rate_hz=len(shown) / duration if duration else 0.0,
        start_seconds=0.0,
        duration_seconds=duration,
        num_packets=len(shown),
        keyframe_seconds=(0.0,),
        is_listed=True,
        is_complete=True,
        is_seekable=False,
        announced_seconds=duration,
        longest_interval_seconds=max((after - before for before, after in pairwise(shown)), default=0.0),
        content_seconds=content_seconds(shown),
        last_picture_seconds=shown[-1] if shown else None,
    )


def _durations(media: MediaFile) -> Iterator[float]:
    """Yield the duration of each picture, as browsers show it."""
    place, end = 12, min(media.size_bytes, 8 + int.from_bytes(media.peek(4, 4), "little"))
    for _ in range(MAX_CHUNKS):
        header = media.peek(place, _CHUNK_HEADER_BYTES + _FRAME_HEADER_BYTES)
        if place >= end or len(header) < _CHUNK_HEADER_BYTES:
            return
        kind, size = struct.unpack_from("<4sI", header)
        if kind == b"ANMF" and len(header) == _CHUNK_HEADER_BYTES + _FRAME_HEADER_BYTES:
            seconds = int.from_bytes(header[20:23], "little") / 1000
            yield seconds if seconds > SHORTEST_SECONDS else SHOWN_INSTEAD_SECONDS
        place += _CHUNK_HEADER_BYTES + size + size % 2
