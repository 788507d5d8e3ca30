"""The index of the pictures, from what was listed or read. Decoder process only."""

from __future__ import annotations

import math
from itertools import pairwise

from av.container import InputContainer
from av.video.stream import VideoStream

from operators.media.containers import MediaFile
from operators.media.index import VideoStreamIndex
from operators.media.packet_list import PacketEntry, is_whole_index, reachable_ratio
from operators.media.packet_scan import Scan, expected_seconds
from operators.media.pixel_aspect import pixel_aspect
from operators.media.seek_probes import can_seek, last_picture, probed_keyframes
from operators.media.stated_lengths import (
    announced_length_seconds,
    has_guessed_length,
    origin_seconds,
    own_length_seconds,
    start_seconds,
)

MAX_KEYFRAMES = 10_000
"""A file with more is thinned evenly; sample points can start at any keyframe."""
MAX_CONTENT_TIMES = 192
"""Times that divide the pictures of a video into equal parts: four times the pictures of the default plan."""
MAX_LAST_INTERVALS = 4.0
"""The last picture of a truncated file may be stated to last for all that is missing."""
LAST_SLACK_SECONDS = 0.05
"""Containers round the duration of a picture."""
RECORDED_CONTAINERS = ("mpegts", "mpeg")
"""These can be cut anywhere: receivers and recorders write what arrives."""
MAX_LEAD_SECONDS = 10.0
"""Longest usual distance of keyframes in broadcasts and segments."""
MAX_LEAD_RATIO = 0.08
"""Of the pictures' length: as much as the default policy lets be missing in all."""
MAX_BEHIND_RATIO = 0.1
"""Of a file's bytes: permitted share after the last picture that seeking finds."""


def index_pictures(
    container: InputContainer, stream: VideoStream, media: MediaFile, claimed_seconds: float, scan: Scan
) -> VideoStreamIndex:
    """Return what the container and its packets say about the pictures."""
    is_recorded = container.format.name in RECORDED_CONTAINERS
    begin, lead_seconds = start_seconds(container, stream), _lead_seconds(scan.packets) if is_recorded else 0.0
    start = begin + lead_seconds
    packets, is_complete, is_listed = _from(scan.packets, start), scan.is_complete, is_whole_index(stream)
    reachable = reachable_ratio(stream.index_entries, media.size_bytes) if is_listed else 1.0
    is_seekable = is_listed or can_seek(container, stream, start + origin_seconds(container))
    is_guessed = has_guessed_length(container, media)
    own_seconds = max(0.0, own_length_seconds(stream, begin) - lead_seconds - _uncounted_seconds(container, scan))
    stated_seconds = 0.0 if is_guessed else own_seconds or max(0.0, claimed_seconds - start)
    claimed_seconds = stated_seconds * reachable
    shown = sorted(packet.seconds for packet in packets if not packet.is_hidden)
    hidden_ratio = 0.0
    if not is_complete and not is_listed:  # a header may state less than there is, so the rest would not be analysed
        can_tell = is_seekable and not scan.restarts
        known = shown[-1] if shown else start
        if can_tell or not claimed_seconds or start + claimed_seconds <= known:
            end, place = (
                _last_picture(container, stream) if can_tell else (expected_seconds(packets, media.size_bytes), 0)
            )
            claimed_seconds = max(claimed_seconds, known - start, end - start)
            hidden_ratio = 1 - place / media.size_bytes if place else 0.0
    is_whole = container.format.name.startswith("mov,") and is_listed and reachable >= 1.0
    duration = _duration_seconds(shown, is_complete, start, claimed_seconds, _last_lasts(packets, is_whole))
    announced_seconds = 0.0 if is_guessed else announced_length_seconds(stream, own_seconds)
    if hidden_ratio > MAX_BEHIND_RATIO:  # the seek table does not reach the end
        announced_seconds = max(announced_seconds, duration / (1 - hidden_ratio))
    is_probed = is_seekable and not is_listed and not is_complete
    probed = _probed(container, stream, packets, start + duration) if is_probed else []
    return VideoStreamIndex(
        codec=stream.codec_context.name,
        width=stream.width,
        height=stream.height,
        pixel_aspect=pixel_aspect(stream),
        frame_rate_hz=float(stream.average_rate or 0),
        start_seconds=start,
        duration_seconds=duration,
        num_packets=len(packets),
        keyframe_seconds=tuple(sorted({*_thinned(packets), *probed})),
        is_listed=is_listed,
        is_complete=is_complete,
        is_seekable=is_seekable and not scan.restarts,
        announced_seconds=announced_seconds,
        longest_interval_seconds=max((after - before for before, after in pairwise(shown)), default=0.0),
        content_seconds=content_seconds(shown) if is_complete else (),
        last_picture_seconds=shown[-1] if is_complete and shown else None,
        lead_seconds=lead_seconds,
    )


def _uncounted_seconds(container: InputContainer, scan: Scan) -> float:
    """Return the part of a stated length in which nothing is shown: fragments of MP4 count from the first decoding."""
    return scan.first_delay_seconds if container.format.name.startswith("mov,") and scan.was_read else 0.0


def _lead_seconds(packets: list[PacketEntry]) -> float:
    """Return the time before the first keyframe; 0.0 if it is longer than the rest of a group, or too much of all."""
    times = [packet.seconds for packet in packets]
    keys = sorted(packet.seconds for packet in packets if packet.is_keyframe)
    if not keys:
        return 0.0
    lead, length = keys[0] - min(times), max(times) - min(times)
    longest = max(after - before for before, after in pairwise([*keys, max(times)]))
    is_rest = lead <= min(MAX_LEAD_SECONDS, longest, MAX_LEAD_RATIO * length)
    return lead if is_rest else 0.0


def _from(packets: list[PacketEntry], start: float) -> list[PacketEntry]:
    return [packet for packet in packets if packet.seconds >= start - LAST_SLACK_SECONDS / 2]


def _last_lasts(packets: list[PacketEntry], is_whole: bool) -> float:
    """Return how long the last picture is shown, if it states that, or if a complete list of packets does.

    Infinity means the latter: as long as the header states.
    """
    if is_whole:
        return math.inf
    shown = (packet for packet in packets if not packet.is_hidden)
    last = max(shown, key=lambda packet: packet.seconds, default=None)
    return last.duration_seconds if last else 0.0


def _duration_seconds(
    shown: list[float], is_complete: bool, start: float, claimed_seconds: float, last_lasts: float
) -> float:
    """Return the duration from the packets if all are known, otherwise as far as the header is confirmed.

    The last picture lasts as long as the header states, if that is at most a few times the others or at most
    `last_lasts`; otherwise the median of the others. Their mean is meaningless for a screen recorder that writes a
    picture when something changes.
    """
    if not is_complete or not shown:
        return claimed_seconds
    intervals = sorted(after - before for before, after in pairwise(shown))
    usual = intervals[len(intervals) // 2] if intervals else min(claimed_seconds, 1.0)
    stated = start + claimed_seconds - shown[-1]
    last = stated if 0 < stated <= max(MAX_LAST_INTERVALS * usual, last_lasts + LAST_SLACK_SECONDS) else usual
    return max(0.0, shown[-1] - start + last)


def content_seconds(shown: list[float]) -> tuple[float, ...]:
    """Return the times of at most `MAX_CONTENT_TIMES` pictures, evenly chosen by their number."""
    if len(shown) <= MAX_CONTENT_TIMES:
        return tuple(shown)
    step = len(shown) / MAX_CONTENT_TIMES
    return tuple(shown[int((number + 0.5) * step)] for number in range(MAX_CONTENT_TIMES))


def _last_picture(container: InputContainer, stream: VideoStream) -> tuple[float, int]:
    """Return the end of a recording without a stated length, and its byte offset; 0.0 and 0 if unknown."""
    found = last_picture(container, stream)
    return (found[0] - origin_seconds(container), found[1]) if found else (0.0, 0)


def _thinned(packets: list[PacketEntry]) -> list[float]:
    """Return the times of keyframes, thinned."""
    seconds = sorted(packet.seconds for packet in packets if packet.is_keyframe and not packet.is_hidden)
    stride = -(-len(seconds) // MAX_KEYFRAMES) or 1
    return seconds[::stride]


def _probed(
    container: InputContainer, stream: VideoStream, packets: list[PacketEntry], end_seconds: float
) -> list[float]:
    """Return keyframes beyond the packets that were read."""
    origin = origin_seconds(container)
    last_seconds = max((packet.seconds for packet in packets), default=0.0)
    found = probed_keyframes(container, stream, start_seconds=origin + last_seconds, end_seconds=origin + end_seconds)
    return [seconds - origin for seconds in found]
