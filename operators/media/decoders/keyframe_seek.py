"""Seeks that end at the requested keyframe, whatever times the container indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TypeAlias

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

Packets: TypeAlias = "Iterator[Packet[VideoStream]]"

START_SLACK_SECONDS = 0.05
"""Keyframe times of an index are exact to about a frame."""
_STEPS_BACK_SECONDS = (0.0, 1.0, 4.0, 16.0)
"""Codecs decode a picture up to 16 pictures before it is shown: two thirds of a second at 24 a second."""
_MAX_PASSED_OVER_PACKETS = 2_000
"""More than half a minute at 60 pictures a second; wrong timestamps must not cause the whole file to be read for
each sample point."""


class KeyframeSeeker:
    """Finds keyframes by the time when they are shown.

    MP4 and Matroska index presentation times; MPEG streams and FLV index decoding times, which are earlier. There, a
    seek ends after the keyframe, at pictures that cannot be decoded, or at the end of the file; in ASF it ends far
    before the keyframe. After each seek the packets that follow are inspected: they are skipped up to the wanted
    keyframe, or, if it does not appear, the seek is repeated from an earlier position.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, demuxed: Callable[[], Packets]) -> None:
        """`demuxed` returns the stream's packets from the container's position, and raises nothing."""
        self._container = container
        self._stream = stream
        self._demuxed = demuxed
        self._steps_back_seconds: tuple[float, ...] = _STEPS_BACK_SECONDS
        self._slack = self._ticks(START_SLACK_SECONDS)

    def packets_from(self, stamp: int) -> Packets:
        """Return packets from the keyframe shown at `stamp` on; without one, from FFmpeg's position.

        Raises:
            FFmpegError: the container cannot seek.
        """
        for number, back_seconds in enumerate(self._steps_back_seconds):
            packets = self._found(stamp, self._ticks(back_seconds))
            if packets is not None:
                self._steps_back_seconds = self._steps_back_seconds[number:]  # the file will not change its ways
                return packets
        return self._landed(stamp)

    def _found(self, stamp: int, back: int) -> Packets | None:
        try:
            packets = self._landed(stamp - back)
        except FFmpegError:
            if back:
                return None  # before the beginning
            raise
        first = next(packets, None)
        if first is None:
            return None
        found = self._passed_over(chain((first,), packets), stamp)
        is_before = first.is_keyframe and not back
        return self._landed(stamp) if found is None and is_before else found

    def _landed(self, stamp: int) -> Packets:
        self._container.seek(stamp, stream=self._stream)
        return (packet for packet in self._demuxed() if packet.size)  # the last packet, and AVI's repeats, are empty

    def _passed_over(self, packets: Packets, stamp: int) -> Packets | None:
        """Return packets from the keyframe on, or from the first without a time; None if it does not come."""
        for packet in islice(packets, _MAX_PASSED_OVER_PACKETS):
            shown = packet.dts if packet.pts is None else packet.pts
            decoded = shown if packet.dts is None else packet.dts
            if shown is None or decoded is None or self._is_wanted(packet, shown, decoded, stamp):
                return chain((packet,), packets)
            if decoded > stamp + self._slack:
                return None
        return None

    def _is_wanted(self, packet: Packet[VideoStream], shown: int, decoded: int, stamp: int) -> bool:
        """Return whether it is a keyframe shown at that time, or the next one if an index of decoding times was too
        early."""
        is_due = shown <= stamp + self._slack or decoded < stamp
        return packet.is_keyframe and shown >= stamp - self._slack and is_due

    def _ticks(self, seconds: float) -> int:
        return round(seconds / float(self._stream.time_base or 1))
