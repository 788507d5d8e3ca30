"""Keeps time continuous if the container's clock restarts. Decoder process only.

Concatenated transport streams, and recordings with a lost connection, count their second part from another origin.
Players show one part after the other, and so do the times of this clock.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from operators.media.index import ClockRestart

FALL_SECONDS = 1.0
"""Damage and rounding make times fall by less than this."""
MAX_REORDERED = 16
"""Pictures that are decoded before one that is shown ahead of them: H.264, HEVC and VVC allow no more."""
WITHOUT_DECODE_TIMES = ("matroska,webm", "nut")
"""Containers that state when a packet is shown, not when it is decoded. FFmpeg derives that from the codec's delay,
which it determines from the first packets."""
LEAP_SECONDS = 12 * 3_600.0
"""A larger leap forward is a restart, too: FFmpeg adds 26.5 hours to a clock that seems to have wrapped."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between the last packet of one part and the first of the next, if no other interval is known."""
WRAPPING_CONTAINERS = ("mpegts", "mpeg")
"""In other containers a time far before the start means what it states."""
WRAP_SECONDS = 2**33 / 90_000
"""MPEG clocks have 33 bits: 26.5 hours."""
EARLY_SECONDS = 60.0
"""Sound may start this much before the first picture; if that is at 0, the sound's clock is near the wrap."""
MAX_RESTARTS = 1_000
"""A file whose clock falls more often keeps its last shift."""


def unwrapped(seconds: float) -> float:
    """Return the time since an MPEG stream started; a time that FFmpeg puts 26.5 hours later is shortly before the
    start."""
    return seconds - WRAP_SECONDS if WRAP_SECONDS - EARLY_SECONDS < seconds <= WRAP_SECONDS else seconds


class ContinuousClock:
    """Corrects the times of one stream's packets, in the order of the file."""

    def __init__(self, known: tuple[ClockRestart, ...] = ()) -> None:
        """`known` restarts are those of another stream of the file, so that sound stays in sync with its pictures."""
        self.restarts: list[ClockRestart] = []
        self.origin_seconds = 0.0
        """The container's clock at the start of the file's timeline."""
        self._known = known
        self._base = 0.0
        self._shift_seconds = 0.0
        self._last_seconds: float | None = None
        self._interval_seconds = UNKNOWN_INTERVAL_SECONDS
        self._reorders: bool | None = None
        self._is_derived = False
        self._may_wrap: bool | None = None
        self._shown = ShownTimes()

    def begin_elsewhere(self) -> None:
        """Note that the next packet does not follow the previous one: the container was sought."""
        self._last_seconds = None
        self._shown.forget()

    def correct(self, packet: Packet[Any]) -> None:
        """Shift a packet's times, so that no time falls behind the previous packet."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None:
            return
        base = self._base = self._base or float(packet.time_base or 0)  # of one stream: a fraction made again is dear
        since = stamp * base - self.origin_seconds
        early = since - unwrapped(since) if base and self._wraps(packet) else 0.0
        if early:
            packet.pts = None if packet.pts is None else packet.pts - round(early / base)
            packet.dts = None if packet.dts is None else packet.dts - round(early / base)
            return
        if not packet.is_discard:  # otherwise an edit begins with a lead-in that is not shown, at any earlier time
            self._follow_packet(packet, base)
        if self._shift_seconds and base:
            shift = round(self._shift_seconds / base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def _wraps(self, packet: Packet[Any]) -> bool:
        if self._may_wrap is None:  # of one container: querying each packet is expensive
            self._may_wrap = packet.stream.container.format.name in WRAPPING_CONTAINERS
        return self._may_wrap

    def _follow_packet(self, packet: Packet[Any], base: float) -> None:
        """Follow decode times, which never fall, if the container states them; otherwise times of display."""
        if self._reorders is None:  # of one stream: querying each packet is expensive
            self._reorders = codec_reorders(packet.stream)
            self._is_derived = self._reorders and packet.stream.container.format.name in WITHOUT_DECODE_TIMES
        self._is_derived |= self._reorders and packet.dts is None  # FFmpeg leaves out the first ones that it derives
        stamp = packet.pts if self._is_derived or packet.dts is None else packet.dts
        if stamp is not None and not self._is_derived:
            self._follow(stamp * base)
        if packet.pts is not None and self._reorders:
            self._follow_shown(packet.pts * base, is_keyframe=packet.is_keyframe)

    def _follow_shown(self, seconds: float, *, is_keyframe: bool) -> None:
        is_restart = self._is_derived and self._shown.is_restart(seconds, is_keyframe=is_keyframe)
        if is_restart and len(self.restarts) < MAX_RESTARTS:
            self._restart(self._shown.last_seconds, self._shown.interval_seconds, seconds)
        self._shown.add(seconds)

    def _follow(self, seconds: float) -> None:
        last, self._last_seconds = self._last_seconds, seconds
        if last is None:
            return
        step = seconds - last
        if -FALL_SECONDS < step < LEAP_SECONDS:
            self._interval_seconds = step if 0 < step < FALL_SECONDS else self._interval_seconds
        elif len(self.restarts) < MAX_RESTARTS:
            self._restart(last, self._interval_seconds, seconds)

    def _restart(self, last: float, interval: float, seconds: float) -> None:
        number = len(self.restarts)
        if number < len(self._known):
            self._shift_seconds = self._known[number].shift_seconds
        else:
            self._shift_seconds += last + interval - seconds
        self.restarts.append(ClockRestart(self._shift_seconds))
        self._shown.forget()


class ShownTimes:
    """The latest display times of one part, for packets in another order."""

    def __init__(self) -> None:
        self._latest: list[float] = []

    @property
    def last_seconds(self) -> float:
        """Return when the last picture so far is shown; there must be one."""
        return self._latest[-1]

    @property
    def interval_seconds(self) -> float:
        """Return the interval of the last two pictures, if known."""
        interval = self._latest[-1] - self._latest[-2] if len(self._latest) > 1 else 0.0
        return interval if 0 < interval < FALL_SECONDS else UNKNOWN_INTERVAL_SECONDS

    def forget(self) -> None:
        """Start another part."""
        self._latest.clear()

    def add(self, seconds: float) -> None:
        """Add a packet."""
        insort(self._latest, seconds)
        del self._latest[: -MAX_REORDERED - 1]

    def is_restart(self, seconds: float, *, is_keyframe: bool) -> bool:
        """Return whether no decoding order explains the display time of the next packet.

        It leaps; or it is shown ahead of more packets than a codec may hold back; or it is a keyframe ahead of all of
        its part, although keyframes are shown after every packet before them.
        """
        if not self._latest or seconds - self.last_seconds >= LEAP_SECONDS:
            return bool(self._latest)
        is_behind = seconds <= min(self._latest[0], self.last_seconds - FALL_SECONDS)
        return is_behind and (is_keyframe or len(self._latest) > MAX_REORDERED)


def codec_reorders(stream: Stream) -> bool:
    """Return whether the codec may show pictures in another order than that of its packets."""
    return isinstance(stream, VideoStream) and stream.codec_context.codec.reorder
