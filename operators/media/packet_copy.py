"""Copies of packets with other bytes, or without the flags and side data of a demuxer. Decoder process only."""

from __future__ import annotations

from typing import cast

from av.packet import Packet

from operators.media.streams_of import AnyStream


def packet_copy(packet: Packet[AnyStream], content: bytes) -> Packet[AnyStream]:
    """Return a packet of these bytes, at the same time in the same stream."""
    copy = cast("Packet[AnyStream]", Packet(content))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.stream = packet.time_base, packet.stream
    return copy
