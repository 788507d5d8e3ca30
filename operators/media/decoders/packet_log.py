"""When packets and pictures of a file are shown, and which packets are damaged or produced no picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

ONE_PICTURE_CODECS: Final = ("h264", "hevc")
"""In these each packet produces a picture; other codecs have packets that only other pictures need."""
KEYFRAME_CODECS: Final = ("mpeg1video", "mpeg2video")
"""In these, packets before the first keyframe are left out without an error."""


@dataclass(frozen=True, slots=True)
class LogMark:
    """A place in a packet log."""

    num_packets: int
    num_damaged: int


class PacketLog:
    """Display times of one file's packets and pictures, in the order in which they were read."""

    def __init__(self) -> None:
        self.packet_seconds: list[float] = []
        self.damaged_seconds: list[float] = []
        self._picture_seconds: list[float] = []

    def note_packet(self, seconds: float, *, is_damaged: bool) -> None:
        """Note one packet."""
        self.packet_seconds.append(seconds)
        if is_damaged:
            self.damaged_seconds.append(seconds)

    def note_picture(self, seconds: float) -> None:
        """Note one decoded picture."""
        self._picture_seconds.append(round(seconds, 4))

    def mark(self) -> LogMark:
        """Return the present end, for `since` and `cut`."""
        return LogMark(len(self.packet_seconds), len(self.damaged_seconds))

    def since(self, mark: LogMark) -> list[float]:
        """Return the times of the packets after a mark."""
        return self.packet_seconds[mark.num_packets :]

    def is_damaged_since(self, mark: LogMark) -> bool:
        """Whether a packet after a mark is damaged."""
        return len(self.damaged_seconds) > mark.num_damaged

    def cut(self, mark: LogMark) -> None:
        """Forget the packets after a mark: they will be read again."""
        del self.packet_seconds[mark.num_packets :], self.damaged_seconds[mark.num_damaged :]

    def note_silent(self, codec_name: str, *, is_each_decoded: bool) -> None:
        """Count packets that were accepted without an error and produced no picture: the keyframe that they need is
        lost.

        If non-reference pictures are left out, or packets may have no picture of their own, only packets before the
        first one can be distinguished from them.

        Args:
            codec_name: of FFmpeg.
            is_each_decoded: whether non-reference pictures are decoded, too.
        """
        if codec_name not in (*ONE_PICTURE_CODECS, *KEYFRAME_CODECS) or not self._picture_seconds:
            return
        is_each_shown = codec_name in ONE_PICTURE_CODECS and is_each_decoded
        last = max(self._picture_seconds) if is_each_shown else min(self._picture_seconds)
        told = Counter([*self._picture_seconds, *(round(seconds, 4) for seconds in self.damaged_seconds)])
        taken = Counter(round(seconds, 4) for seconds in self.packet_seconds if seconds < last)
        self.damaged_seconds += (taken - told).elements()
