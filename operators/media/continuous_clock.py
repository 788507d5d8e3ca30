"""A clock that goes on where the container's starts again. Decoder process only.

Transport streams that were put together with `cat`, and recordings whose connection was lost, count their second part
from another origin. Players show one part after the other; so do the times that this clock gives.
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
"""Pictures that come before one that is shown ahead of them: H.264, HEVC and VVC allow no more."""
WITHOUT_DECODE_TIMES = ("matroska,webm", "nut")
"""Containers that state when a packet is shown, not when it is decoded. FFmpeg derives that from the codec's delay,
which it finds from the first packets."""
LEAP_SECONDS = 12 * 3_600.0
"""A leap forward beyond this is a restart too: FFmpeg adds 26.5 hours to a clock that it takes to have wrapped."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between the last packet of one part and the first of the next, where no other interval is known."""
WRAPPING_CONTAINERS = ("mpegts", "mpeg")
"""In others a time that lies so far behind the beginning is what it says."""
WRAP_SECONDS = 2**33 / 90_000
"""MPEG clocks have 33 bits: 26.5 hours."""
EARLY_SECONDS = 60.0
"""Sound may begin by so much before the first picture; where that is at 0, its clock stands before its end."""
MAX_RESTARTS = 1_000
"""A file whose clock falls more often keeps its last shift."""


def unwrapped(seconds: float) -> float:
    """A time since an MPEG stream began; one that FFmpeg puts 26.5 hours behind that lies shortly before it."""
    return seconds - WRAP_SECONDS if WRAP_SECONDS - EARLY_SECONDS < seconds <= WRAP_SECONDS else seconds


class ContinuousClock:
    """Corrects the times of one stream's packets, in the order of the file."""

    def __init__(self, known: tuple[ClockRestart, ...] = ()) -> None:
        """`known` restarts are those that another stream of the file has shown: sound then keeps to its pictures."""
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
        """The next packet does not follow on the one before: the container was sought."""
        self._last_seconds = None
        self._shown.forget()

    def correct(self, packet: Packet[Any]) -> None:
        """Shift a packet's times, so that no time falls back behind the packet before."""
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
        if not packet.is_discard:  # else an edit begins with a lead-in that is not shown, from somewhere before
            self._follow_packet(packet, base)
        if self._shift_seconds and base:
            shift = round(self._shift_seconds / base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def _wraps(self, packet: Packet[Any]) -> bool:
        if self._may_wrap is None:  # of one container: asking each packet is dear
            self._may_wrap = packet.stream.container.format.name in WRAPPING_CONTAINERS
        return self._may_wrap

    def _follow_packet(self, packet: Packet[Any], base: float) -> None:
        """By decode times, which never fall, where the container states them; else by times of showing."""
        if self._reorders is None:  # of one stream: asking each packet is dear
            self._reorders = codec_reorders(packet.stream)
            self._is_derived = self._reorders and packet.stream.container.format.name in WITHOUT_DECODE_TIMES
        self._is_derived |= self._reorders and packet.dts is None  # so FFmpeg leaves the first ones that it derives
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
    """The latest times of showing of one part, of packets that come in another order."""

    def __init__(self) -> None:
        self._latest: list[float] = []

    @property
    def last_seconds(self) -> float:
        """When the last picture so far is shown; there must be one."""
        return self._latest[-1]

    @property
    def interval_seconds(self) -> float:
        """Between the last two pictures so far, as far as that is known."""
        interval = self._latest[-1] - self._latest[-2] if len(self._latest) > 1 else 0.0
        return interval if 0 < interval < FALL_SECONDS else UNKNOWN_INTERVAL_SECONDS

    def forget(self) -> None:
        """Another part begins."""
        self._latest.clear()

    def add(self, seconds: float) -> None:
        """One more packet."""
        insort(self._latest, seconds)
        del self._latest[: -MAX_REORDERED - 1]

    def is_restart(self, seconds: float, *, is_keyframe: bool) -> bool:
        """Whether no order of decoding explains when the next packet is shown.

        It leaps; or it is shown ahead of more packets than a codec may hold back; or it is a keyframe ahead of all of
        its part: those are shown behind every packet before them.
        """
        if not self._latest or seconds - self.last_seconds >= LEAP_SECONDS:
            return bool(self._latest)
        is_behind = seconds <= min(self._latest[0], self.last_seconds - FALL_SECONDS)
        return is_behind and (is_keyframe or len(self._latest) > MAX_REORDERED)


def codec_reorders(stream: Stream) -> bool:
    """Whether the codec may show pictures in another order than that of its packets."""
    return isinstance(stream, VideoStream) and stream.codec_context.codec.reorder
