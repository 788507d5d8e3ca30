"""Times of pictures in containers that state none. Decoder process only."""

from __future__ import annotations

from av.video.frame import VideoFrame

DECODE_ORDER_CONTAINERS = ("avi",)
"""These only count packets. FFmpeg guesses when each is shown, wrongly for pictures that are shown in another order
than that of their packets: H.264, and MPEG-4 with two pictures in one packet."""


class DecodeOrderTimes:
    """Counts pictures as they come out of the codec, which is the order of display, by the packets that go in."""

    def __init__(self) -> None:
        self._delay = 0
        self._last: int | None = None
        self._step = 1

    def begin_elsewhere(self) -> None:
        """Note that the next picture does not follow the previous one."""
        self._last = None

    def stamp(self, picture: VideoFrame) -> int | None:
        """Return the time of the next picture, in ticks of its stream; None without one.

        The first one is shown at the time of its own packet; the codec holds all back by equally many packets, and
        gives the last ones at the end without a packet.
        """
        if self._last is None:
            found = picture.dts if picture.pts is None else picture.pts
            self._delay = 0 if found is None or picture.dts is None else picture.dts - found
        elif picture.dts is None:
            found = self._last + self._step
        else:
            found = picture.dts - self._delay
        if found is not None:
            self._step = max(1, found - self._last) if self._last is not None else self._step
            self._last = found
        return found
