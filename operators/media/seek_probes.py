"""What seeking tells of a file whose packets are not listed: if it works, where it ends, where keyframes lie."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from operators.media.containers import packets_of

NUM_PROBES = 96
"""Twice the pictures that a plan wants by default, so that a keyframe lies near each of its sample points."""
MAX_PROBE_PACKETS = 1_000
"""Read after one seek: more than half a minute at 30 a second."""
_BEYOND_ANY_END_SECONDS = 10 * 365 * 86_400.0


def can_seek(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Whether seeking works at all; in elementary streams it does not, and the attempt leaves them at their end.

    Times are by the container's own clock here and below, and the container stands anywhere afterwards.
    """
    try:
        container.seek(round(seconds / float(stream.time_base or 1)), stream=stream)
    except FFmpegError:
        return False
    return True


def last_picture(container: InputContainer, stream: VideoStream) -> tuple[float, int] | None:
    """When the last picture is shown that seeking finds, and behind which byte; None where it cannot be found.

    Of recordings whose header does not tell, and of those whose header may tell less than there is.
    """
    return max(_after_seek(container, stream, _BEYOND_ANY_END_SECONDS, only_keyframes=False), default=None)


def probed_keyframes(
    container: InputContainer, stream: VideoStream, *, start_seconds: float, end_seconds: float
) -> list[float]:
    """Seek to evenly spread times and see which keyframe comes.

    A plan can then begin its sample points at keyframes. Otherwise each would have to begin with whatever a seek leads
    to: pictures that cannot be decoded, in MPEG streams.

    Args:
        container: that the stream is of; its other streams are not read.
        stream: to look at.
        start_seconds: of the part to look at.
        end_seconds: of the same; may be beyond the end of the file.

    Returns:
        Ascending times. The first time for which there is no keyframe ends the search.
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
