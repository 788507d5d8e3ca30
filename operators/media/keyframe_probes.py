"""Where keyframes lie in the part of a file that is too long to be read through for its index."""

from __future__ import annotations

from itertools import islice

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

NUM_PROBES = 96
"""Twice the moments that a plan has by default, so that one lies near each of them."""
MAX_PROBE_PACKETS = 1_000
"""Read in search of one keyframe: more than half a minute at 30 a second."""


def probed_keyframes(
    container: InputContainer, stream: VideoStream, *, start_seconds: float, end_seconds: float
) -> list[float]:
    """Seek to evenly spread times and see which keyframe comes; leaves the container anywhere.

    A plan can then begin its moments at keyframes. Otherwise each would have to begin with whatever a seek leads to:
    pictures that cannot be decoded, in MPEG streams.

    Args:
        container: that the stream is of; its other streams are not read.
        stream: to look at.
        start_seconds: by the container's own clock.
        end_seconds: the same; may be beyond the end of the file.

    Returns:
        Times by the container's clock, ascending. The first time for which there is no keyframe ends the search.
    """
    step = max(0.0, end_seconds - start_seconds) / NUM_PROBES
    found: set[float] = set()
    for number in range(NUM_PROBES):
        seconds = _keyframe_after_seek(container, stream, start_seconds + (number + 0.5) * step) if step else None
        if seconds is None:
            break
        found.add(seconds)
    return sorted(found)


def _keyframe_after_seek(container: InputContainer, stream: VideoStream, seconds: float) -> float | None:
    base = float(stream.time_base or 1)
    try:
        container.seek(round(seconds / base), stream=stream)
        packets = islice(container.demux(stream), MAX_PROBE_PACKETS)
        stamp = next((packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None), None)
    except FFmpegError:
        return None
    return None if stamp is None else stamp * base
