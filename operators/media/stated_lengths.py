"""Lengths and starts that a container states for its streams. Decoder process only."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice
from typing import cast

from av.container import InputContainer
from av.stream import Stream

from operators.media.containers import MediaFile
from operators.media.continuous_clock import WRAPPING_CONTAINERS, unwrapped

MAX_INDEX_ENTRIES = 400_000
"""Packets read from an index: 3.7 hours at 30 a second, about 0.2 s of work."""
MEASURED_CONTAINERS = ("mpegts", "mpeg", "flv")
"""FFmpeg measures the duration of these streams; their headers state none, or are not trusted."""
GUESSED_CONTAINERS = ("aac", "ac3", "eac3", "amr", "mp3", "h264", "hevc", "mpegvideo", "m4v", "obu")
"""FFmpeg estimates the duration of these from the rate of the first packets, ten times too long if silence comes first.
MP3 may have a header that states it."""
COUNTED_FROM_ZERO = ("matroska,webm", "flv")
"""Muxers of these state either the end on the clock of the file or its length; recordings of streams start late."""
END_SLACK_SECONDS = 1.0
"""Tolerance between the last packet and the end that the header states."""
MP3_HEADERS = (b"Xing", b"Info", b"VBRI")
MP3_HEADER_BYTES = 4096
"""Bytes of the first packet, which contains that header."""
JOINED_RATIO = 0.01
"""Of the bytes that such a header states: a file that is longer by more has another one behind it."""
JOINED_BYTES = 16 * 1024
"""The same, for a short file: tags at the end are shorter."""
MICROSECOND = Fraction(1, 1_000_000)
"""Unit of the container's own times."""


def origin_seconds(container: InputContainer) -> float:
    """Return the container's clock at the start of the file's timeline."""
    return float((container.start_time or 0) * MICROSECOND)


def claimed_seconds(container: InputContainer, reached_seconds: float | None, lead_in_seconds: float) -> float:
    """Return the length that the container states as a whole; 0.0 if it states none.

    Args:
        container: open.
        reached_seconds: start of the last packet, on the timeline of the file; None if not all were read.
        lead_in_seconds: how long before the start of the timeline the first packet is decoded; FLV counts from there.
    """
    claimed, origin = max(0.0, float((container.duration or 0) * MICROSECOND)), origin_seconds(container)
    if any(is_wrapped(container, stream) for stream in container.streams):
        return 0.0
    is_flv = container.format.name == "flv" and reached_seconds is not None
    if is_flv and abs((reached_seconds or 0.0) + lead_in_seconds - claimed) <= END_SLACK_SECONDS:
        return max(0.0, claimed - lead_in_seconds)
    if container.format.name not in COUNTED_FROM_ZERO or not 0 < origin < claimed:
        return claimed
    is_end = reached_seconds is None or abs(origin + reached_seconds - claimed) <= END_SLACK_SECONDS
    return claimed - origin if is_end else claimed


def has_guessed_length(container: InputContainer, media: MediaFile) -> bool:
    """Return whether only its packets determine its duration."""
    if container.format.name != "mp3":
        return container.format.name in GUESSED_CONTAINERS
    tag = media.peek(0, 10)
    is_tagged = len(tag) == 10 and tag.startswith(b"ID3")
    tag_bytes = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=False))
    start = 10 + tag_bytes if is_tagged else 0
    return not _states_all(media.peek(start, MP3_HEADER_BYTES), media.size_bytes - start)


def _states_all(first: bytes, num_bytes: int) -> bool:
    """Return whether the header in the first packet of an MP3 states the length of all that follows.

    Recorders and shops join files: the header of the first part says nothing about the others.
    """
    place = next((place for header in MP3_HEADERS if (place := first.find(header)) >= 0), None)
    if place is None:
        return False
    stated = _stated_bytes(first[place : place + 16])
    return not stated or num_bytes <= stated + max(JOINED_BYTES, JOINED_RATIO * stated)


def _stated_bytes(header: bytes) -> int:
    """Return the number of bytes that the header of an MP3 states; 0 without one."""
    if header.startswith(b"VBRI"):
        return int.from_bytes(header[10:14], "big")
    has_frames, has_bytes = (bool(header[7:8] and header[7] & bit) for bit in (1, 2))
    place = 8 + 4 * has_frames
    return int.from_bytes(header[place : place + 4], "big") if has_bytes else 0


def start_seconds(container: InputContainer, stream: Stream) -> float:
    """Return when a stream begins, on the timeline of the file; 0.0 where nothing says it."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    start = float(stream.start_time * stream.time_base) - origin_seconds(container)
    return unwrapped(start) if container.format.name in WRAPPING_CONTAINERS else start


def is_wrapped(container: InputContainer, stream: Stream) -> bool:
    """Return whether a stream begins before the first one that is in front of it: a clock has wrapped between them."""
    return container.format.name in MEASURED_CONTAINERS and start_seconds(container, stream) < 0


def announced_length_seconds(stream: Stream, own_seconds: float) -> float:
    """Return the stated length of one stream; 0.0 without one, or if FFmpeg only measured it.

    Args:
        stream: of a container.
        own_seconds: what `own_length_seconds` returns for it.
    """
    if stream.container.format.name in MEASURED_CONTAINERS:
        return 0.0
    if stream.container.format.name == "avi":  # FFmpeg derives it from the file size; the header counts frames
        return stream.frames * float(stream.time_base or 0)
    return own_seconds


def own_length_seconds(stream: Stream, start: float) -> float:
    """Return the length of one stream; Matroska's tag states its end.

    The tag comes first: for a stream that starts late FFmpeg returns the whole file's length.
    """
    tagged = _tagged_seconds(stream.metadata.get("DURATION", ""))
    if not tagged:
        return stream_length_seconds(stream)
    origin = origin_seconds(cast("InputContainer", stream.container))
    return max(0.0, tagged - start - (origin if origin + start < tagged else 0.0))


def _tagged_seconds(tag: str) -> float:
    """Parse Matroska's `00:00:05.040000000`; 0.0 for other text."""
    found = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", tag)
    return int(found[1]) * 3_600.0 + int(found[2]) * 60.0 + float(found[3]) if found else 0.0


def stream_length_seconds(stream: Stream) -> float:
    """Return the length of one stream as FFmpeg has it, without a pause ahead of it."""
    seconds = max(0.0, float((stream.duration or 0) * (stream.time_base or 0)))
    return seconds - _pause_seconds(stream, seconds) if stream.container.format.name.startswith("mov,") else seconds


def _pause_seconds(stream: Stream, seconds: float) -> float:
    """Return the part of an MP4 stream's length that is an empty edit before it: FFmpeg includes it or not."""
    begin = float((stream.start_time or 0) * (stream.time_base or 0))
    if begin <= 0 or not len(stream.index_entries):
        return 0.0
    shown = [entry.timestamp for entry in islice(stream.index_entries, MAX_INDEX_ENTRIES) if not entry.is_discard]
    spanned = (max(shown) - min(shown)) * float(stream.time_base or 0) if shown else 0.0
    return begin if abs(seconds - begin - spanned) < abs(seconds - spanned) else 0.0
