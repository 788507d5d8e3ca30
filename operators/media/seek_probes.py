"""Probes a file without a packet list by seeking: whether it works, the end, and keyframes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from operators.media.containers import packets_of

NUM_PROBES = 96
"""Twice the pictures of the default plan, so that a keyframe is near each of its sample points."""
MAX_PROBE_PACKETS = 1_000
"""Packets that are read after one seek: more than half a minute at 30 per second."""
_BEYOND_ANY_END_SECONDS = 10 * 365 * 86_400.0


def can_seek(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Return whether seeking works at all; in elementary streams it does not, and the attempt leaves them at their end.

    Times are by the container's own clock here and below, and the container's position is undefined afterwards.
    """
    try:
        container.seek(round(seconds / float(stream.time_base or 1)), stream=stream)
    except FFmpegError:
        return False
    return True


def last_picture(container: InputContainer, stream: VideoStream) -> tuple[float, int] | None:
    """Return when the last picture that seeking finds is shown, and its byte offset; None if it cannot be found.

    For recordings without a stated length, and for those whose header may state less than there is.
    """
    return max(_after_seek(container, stream, _BEYOND_ANY_END_SECONDS, only_keyframes=False), default=None)


def probed_keyframes(
    container: InputContainer, stream: VideoStream, *, start_seconds: float, end_seconds: float
) -> list[float]:
    """Seek to evenly spread times and return the keyframes found.

    A plan can then start its sample points at keyframes. Otherwise each would start where a seek ends: in MPEG streams,
    with pictures that cannot be decoded.

    Args:
        container: of the stream; its other streams are not read.
        stream: the stream.
        start_seconds: of the part to probe.
        end_seconds: of the part; may be beyond the end of the file.

    Returns:
        Ascending times. The first time without a keyframe ends the search.
    """
    step = max(0.0, end_seconds - start_seconds) / NUM_PROBES
    found: set[float] = set()
    for number in range(NUM_PROBES if step else 0):
        wanted_seconds = start_seconds + (number + 0.5) * step
        keyframe = next(_after_seek(container, stream, wanted_seconds, only_keyframes=True), None)
        if keyframe is None:
            break
        found.add(keyframe[0])
    return sorted(found)


def _after_seek(
    container: InputContainer, stream: VideoStream, seconds: float, *, only_keyframes: bool
) -> Iterator[tuple[float, int]]:
    """When pictures are shown to which a seek leads, and where each ends in the file, as far as that is known."""
    base = float(stream.time_base or 1)
    try:
        container.seek(round(seconds / base), stream=stream)
        for packet in islice(packets_of(container, stream), MAX_PROBE_PACKETS):
            if packet.pts is not None and (packet.is_keyframe or not only_keyframes):
                yield packet.pts * base, max(0, (packet.pos or 0) + packet.size)
    except FFmpegError:
        return  # there is nothing, or nothing more
