"""A clock that goes on where the container's starts again. Decoder process only.

Transport streams that were put together with `cat`, and recordings whose connection was lost, count their second part
from another origin. Players show one part after the other; so do the times that this clock gives.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from operators.media.index import ClockRestart

FALL_SECONDS = 1.0
"""Times fall by less than this where packets are not in the order in which they are shown."""
LEAP_SECONDS = 12 * 3_600.0
"""A leap forward beyond this is a restart too: FFmpeg adds 26.5 hours to a clock that it takes to have wrapped."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between the last packet of one part and the first of the next, where no other interval is known."""
WRAP_SECONDS = 2**33 / 90_000
"""MPEG clocks have 33 bits: 26.5 hours."""
EARLY_SECONDS = 60.0
"""Sound may begin by so much before the first picture; where that is at 0, its clock stands before its end."""
MAX_RESTARTS = 1_000
"""A file whose clock falls more often keeps its last shift."""


def unwrapped(seconds: float) -> float:
    """A time since the beginning of the file; one that FFmpeg puts 26.5 hours behind it lies shortly before it."""
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

    def begin_elsewhere(self) -> None:
        """The next packet does not follow on the one before: the container was sought."""
        self._last_seconds = None

    def correct(self, packet: Packet[Any]) -> None:
        """Shift a packet's times, so that no time falls back behind the packet before."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None:
            return
        base = self._base = self._base or float(packet.time_base or 0)  # of one stream: a fraction made again is dear
        early = base and stamp * base - self.origin_seconds - unwrapped(stamp * base - self.origin_seconds)
        if early:
            packet.pts = None if packet.pts is None else packet.pts - round(early / base)
            packet.dts = None if packet.dts is None else packet.dts - round(early / base)
            return
        if not packet.is_discard:  # else an edit begins with a lead-in that is not shown, from somewhere before
            self._follow(stamp * base)
        if self._shift_seconds and base:
            shift = round(self._shift_seconds / base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def _follow(self, seconds: float) -> None:
        last, self._last_seconds = self._last_seconds, seconds
        if last is None:
            return
        step = seconds - last
        if -FALL_SECONDS < step < LEAP_SECONDS:
            self._interval_seconds = step if 0 < step < FALL_SECONDS else self._interval_seconds
        elif len(self.restarts) < MAX_RESTARTS:
            self._restart(last, seconds)

    def _restart(self, last: float, seconds: float) -> None:
        number = len(self.restarts)
        if number < len(self._known):
            self._shift_seconds = self._known[number].shift_seconds
        else:
            self._shift_seconds += last + self._interval_seconds - seconds
        self.restarts.append(ClockRestart(self._shift_seconds))
