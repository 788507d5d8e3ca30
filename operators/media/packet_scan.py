"""Packets that are found by reading through a file, or as many as there is time for. Decoder process only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from operators.media.containers import MediaFile, packets_of, read_only
from operators.media.continuous_clock import ContinuousClock
from operators.media.index import ClockRestart
from operators.media.more_layers import LAYERED_CODECS, MAX_PACKET_BYTES, MAX_PACKETS
from operators.media.packet_list import PacketEntry, fits, indexed_packets, is_uneven, is_whole_index
from operators.media.stated_lengths import (
    MAX_INDEX_ENTRIES,
    MEASURED_CONTAINERS,
    has_guessed_length,
    is_wrapped,
    origin_seconds,
    stream_length_seconds,
)

MAX_SCAN_PACKETS = 60_000
"""Packets read where there is no index: half an hour at 30 a second, about 0.2 s of work."""
MAX_SCAN_BYTES = 128 * 2**20
"""The same bound for the disk."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between packets without times, in elementary streams."""
MAX_UNEVEN_PACKETS = 2_700
"""For a list without display times: a video with at most this many pictures is decoded in full, so all of it is read
anyway."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Results of reading through a file."""

    packets: list[PacketEntry]
    is_complete: bool
    """Whether its end was reached within the limits."""
    restarts: tuple[ClockRestart, ...] = ()
    was_read: bool = True
    sound_end_seconds: float = 0.0
    """End of sound without a stated length; 0.0 if not requested or not all of the file was read."""
    lead_in_seconds: float = 0.0
    """How long before the start of the timeline the first packet is decoded: pictures that wait for others are late."""
    first_packets: tuple[bytes, ...] = ()
    """A few from the start of pictures that may have several layers."""
    first_delay_seconds: float = 0.0
    """How long after its decoding the first packet is shown; 0.0 if the packets were not read."""


def find_packets(
    container: InputContainer, video: VideoStream | None, audio: AudioStream | None, media: MediaFile
) -> Scan:
    """Return packets of the pictures; of the sound if a transport stream has nothing else."""
    if video is None:
        has_clock = container.format.name in MEASURED_CONTAINERS or has_guessed_length(container, media)
        return _scan(container, audio) if audio is not None and has_clock else Scan([], True)
    if not is_whole_index(video):
        return _scan(container, video, _unmeasured(container, audio))
    packets = list(indexed_packets(container, video, media.size_bytes))
    may_be_decoded_in_full = len(packets) <= MAX_UNEVEN_PACKETS
    if (may_be_decoded_in_full and is_uneven(packets)) or not fits(
        packets, stream_length_seconds(video), len(video.index_entries)
    ):
        return _scan(container, video)
    return Scan(packets, len(video.index_entries) <= MAX_INDEX_ENTRIES, was_read=False)


def _unmeasured(container: InputContainer, audio: AudioStream | None) -> AudioStream | None:
    """Return sound that ends before the part of the file in which FFmpeg looks for ends, or whose clock wraps."""
    if audio is None or container.format.name not in MEASURED_CONTAINERS:
        return None
    return None if stream_length_seconds(audio) and not is_wrapped(container, audio) else audio


def _scan(container: InputContainer, stream: VideoStream | AudioStream, sound: AudioStream | None = None) -> Scan:
    """Return packets by reading through the file; of `sound`, which is interleaved, only its end."""
    packets: list[PacketEntry] = []
    first_packets: list[bytes] = []
    num_wanted = MAX_PACKETS if stream.codec_context.name in LAYERED_CODECS else 0
    origin, bytes_left, clock = origin_seconds(container), MAX_SCAN_BYTES, ContinuousClock()
    base = float(stream.time_base or 0)
    clock.origin_seconds = origin
    end_of_sound, lead_in, delay = SoundEnd(origin), 0.0, 0.0
    read_only(container, stream)
    if sound is not None:
        sound.discard = Discard.default
    try:
        for packet in packets_of(container, stream, *([sound] if sound else [])):
            if packet.stream.index != stream.index:
                end_of_sound.add(packet)
                continue
            if packet.size:
                clock.correct(packet)
                if not packets and packet.dts is not None:
                    lead_in = max(0.0, origin - packet.dts * base)
                    delay = max(0.0, ((packet.pts or packet.dts) - packet.dts) * base)
                seconds = _packet_seconds(packet, origin, packets)
                lasting = (packet.duration or 0) * base
                if len(first_packets) < num_wanted:
                    first_packets.append(bytes(packet)[:MAX_PACKET_BYTES])
                packets.append(PacketEntry(seconds, packet.size, packet.is_keyframe, packet.is_discard, lasting))
            bytes_left -= packet.size
            if len(packets) >= MAX_SCAN_PACKETS or bytes_left < 0:
                return Scan(packets, False, tuple(clock.restarts), first_packets=tuple(first_packets))
    except FFmpegError:
        pass  # a broken tail ends the scan like the end of the file
    return Scan(packets, True, tuple(clock.restarts), True, end_of_sound.seconds, lead_in, tuple(first_packets), delay)


class SoundEnd:
    """End of the last packet of sound."""

    def __init__(self, origin: float) -> None:
        self.seconds = 0.0
        self._clock = ContinuousClock()
        self._clock.origin_seconds = origin

    def add(self, packet: Packet[Any]) -> None:
        """Add a packet, in the order of the file."""
        self._clock.correct(packet)
        if packet.size and packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.seconds = max(self.seconds, end - self._clock.origin_seconds)


def _packet_seconds(packet: Packet[Any], origin: float, before: list[PacketEntry]) -> float:
    """Return a packet's time; without one it follows the previous packet."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return before[-1].seconds + UNKNOWN_INTERVAL_SECONDS if before else 0.0
    return float(stamp * packet.time_base) - origin


def expected_seconds(packets: list[PacketEntry], size_bytes: int) -> float:
    """Return the end of an elementary stream at the rate of its beginning."""
    read_bytes = sum(packet.size_bytes for packet in packets)
    return packets[-1].seconds * size_bytes / read_bytes if read_bytes else 0.0
