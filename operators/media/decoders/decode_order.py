"""Times of pictures in containers that state none. Decoder process only."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice, pairwise

from av.codec import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MAX_AHEAD_PACKETS = 48
"""Read before the first picture, only while their times ascend: with pictures between two others, the third falls."""
GUESSED_CODECS = ("mpeg4",)
"""Copied out of AVI, these also have times that FFmpeg has guessed, which fall at the wrong packets."""
NUM_GUESSED_PACKETS = 12
"""Read of those, whatever their times."""
FREE_ORDER_CODECS = ("h264", "hevc")
"""Encoders of these decide from picture to picture whether others are shown before it; those of older codecs follow a
pattern, which the first packets show."""
DECODE_ORDER_CONTAINERS = ("avi",)
"""These only count packets. FFmpeg guesses when each is shown, wrongly for pictures that are shown in another order
than that of their packets: H.264, and MPEG-4 with two pictures in one packet."""


MAX_HELD_TIMES = 17
"""Of packets whose pictures have not come out: a codec holds back 16 at most; more stem from damaged ones."""


class SortedTimes:
    """Gives pictures the times of the packets in ascending order, as they come out of the codec in order of display."""

    def __init__(self) -> None:
        self._held: list[int] = []

    def begin_elsewhere(self) -> None:
        """Note that the next packet does not follow the previous one."""
        self._held.clear()

    def take(self, packet: Packet[VideoStream]) -> None:
        """Take the time of a packet that goes into the codec."""
        found = packet.dts if packet.pts is None else packet.pts
        if found is not None:
            heappush(self._held, found)
        if len(self._held) > MAX_HELD_TIMES:
            heappop(self._held)

    def stamp(self, picture: VideoFrame) -> int | None:
        """Return the time of the next picture, in ticks of its stream; None without one."""
        return heappop(self._held) if self._held else picture.pts


class DecodeOrderTimes:
    """Counts pictures as they come out of the codec, which is the order of display, by the packets that go in.

    Args:
        is_reordered: whether the stream says that pictures are shown in another order than that of their packets. If it
            does not, the times that FFmpeg guesses are right, also behind a number that the file leaves out after its
            first packet; counting begins when one of them falls.
    """

    def __init__(self, *, is_reordered: bool = True) -> None:
        self._is_reordered = is_reordered
        self._delay = 0
        self._last: int | None = None
        self._step = 1

    def begin_elsewhere(self) -> None:
        """Note that the next picture does not follow the previous one."""
        self._last = None

    def take(self, packet: Packet[VideoStream]) -> None:
        """Take a packet that goes into the codec; pictures name the one that they come out with."""

    def stamp(self, picture: VideoFrame) -> int | None:
        """Return the time of the next picture, in ticks of its stream; None without one."""
        found = self._counted(picture) if self._is_reordered else self._guessed(picture)
        if found is not None:
            self._step = max(1, found - self._last) if self._last is not None else self._step
            self._last = found
        return found

    def _guessed(self, picture: VideoFrame) -> int | None:
        if picture.pts is not None and (self._last is None or picture.pts > self._last):
            return picture.pts
        self._is_reordered = True
        if self._last is not None and picture.dts is not None:
            self._delay = picture.dts - (self._last + self._step)
        return self._counted(picture)

    def _counted(self, picture: VideoFrame) -> int | None:
        """The first picture is shown at the time of its own packet; the codec holds all back by equally many packets,
        and gives the last ones at the end without a packet."""
        if self._last is None:
            found = picture.dts if picture.pts is None else picture.pts
            self._delay = 0 if found is None or picture.dts is None else picture.dts - found
            return found
        return self._last + self._step if picture.dts is None else picture.dts - self._delay


def read_ahead(
    packets: Iterator[Packet[VideoStream]], stream: VideoStream, max_pixels: int
) -> tuple[list[Packet[VideoStream]], bool]:
    """Return the first packets, and whether their times are not those at which pictures are shown.

    Where a file was copied out of AVI into MP4, Matroska or ASF, they are often those of decoding: they ascend, and
    those of the pictures do not.
    """
    ahead: list[Packet[VideoStream]] = []
    if not stream.codec_context.has_b_frames:
        return ahead, False
    is_guessed = stream.codec_context.name in GUESSED_CODECS
    is_free = stream.codec_context.name in FREE_ORDER_CODECS
    for packet in islice(packets, MAX_AHEAD_PACKETS if is_free else NUM_GUESSED_PACKETS):
        ahead.append(packet)
        if not is_guessed and not _is_ascending(ahead[-2:]):
            return ahead, False
    return ahead, _do_pictures_fall(ahead, stream, max_pixels)


def _is_ascending(packets: list[Packet[VideoStream]]) -> bool:
    return all(
        before.pts is not None and after.pts is not None and before.pts <= after.pts
        for before, after in pairwise(packet for packet in packets if packet.size)
    )


def _do_pictures_fall(packets: list[Packet[VideoStream]], stream: VideoStream, max_pixels: int) -> bool:
    """Decode the packets apart; return whether any picture has an earlier time than the one before it."""
    context = CodecContext.create(stream.codec_context.codec.name, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata, context.thread_count = stream.codec_context.extradata, 1
    # Only the order of pictures matters, so what is costly and changes pixels alone is left out.
    context.options = {"max_pixels": str(max_pixels), "skip_loop_filter": "all", "skip_idct": "all"}
    stamps: list[int] = []
    try:
        for packet in packets:
            stamps += [picture.pts for picture in context.decode(packet) if picture.pts is not None]
    except FFmpegError:
        return False
    return any(after < before for before, after in pairwise(stamps))
