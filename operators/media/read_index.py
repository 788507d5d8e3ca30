"""Reading a container's index without decoding. Decoder process only.

Headers lie: everything here does bounded work whatever a header claims, and what lies beyond the end of the
file is not counted as there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.index import IndexEntries
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from operators.media.containers import MediaFile, read_only
from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.seek_probes import can_seek, last_picture_seconds, probed_keyframes

MAX_INDEX_ENTRIES = 400_000
"""Packets read from an index: 3.7 hours at 30 a second, about 0.2 s of work."""
MAX_SCAN_PACKETS = 60_000
"""Packets read where there is no index: half an hour at 30 a second, about 0.2 s of work."""
MAX_SCAN_BYTES = 128 * 2**20
"""The same bound for the disk."""
MAX_KEYFRAMES = 10_000
"""A file with more is thinned evenly; any keyframe is a place to start."""
MAX_PROFILE_SECONDS = 20_000
"""Length of the compressed-size profile, 5.6 hours."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between packets without times, in elementary streams."""
MICROSECOND = Fraction(1, 1_000_000)
"""What the container's own times are counted in."""


@dataclass(frozen=True, slots=True)
class PacketEntry:
    """One packet as the index tells it."""

    seconds: float
    size_bytes: int
    is_keyframe: bool


def video_stream(container: InputContainer) -> VideoStream | None:
    """The stream to look at: never cover art, the default one before others, decodable."""
    streams = [stream for stream in container.streams.video if _is_moving(stream)]
    return min(streams, key=lambda stream: not stream.disposition & Disposition.default, default=None)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The stream to listen to: the default one before others, decodable."""
    streams = [stream for stream in container.streams.audio if _has_decoder(stream)]
    return min(streams, key=lambda stream: not stream.disposition & Disposition.default, default=None)


def origin_seconds(container: InputContainer) -> float:
    """The container's clock at the start of the file's timeline."""
    return float((container.start_time or 0) * MICROSECOND)


def read_index(container: InputContainer, media: MediaFile) -> MediaIndex:
    """Index `container`, reading through it where it has no list of its packets."""
    claimed = max(0.0, float((container.duration or 0) * MICROSECOND))
    video, audio = video_stream(container), audio_stream(container)
    video_index = _video_index(container, video, media, claimed) if video else None
    audio_index = _audio_index(container, audio, media, claimed) if audio else None
    reached = [stream.start_seconds + stream.duration_seconds for stream in (video_index, audio_index) if stream]
    return MediaIndex(
        container=container.format.name,
        size_bytes=media.size_bytes,
        duration_seconds=max(reached, default=0.0),
        claimed_duration_seconds=claimed,
        origin_seconds=origin_seconds(container),
        video=video_index,
        audio=audio_index,
    )


def _is_moving(stream: VideoStream) -> bool:
    return _has_decoder(stream) and not stream.disposition & Disposition.attached_pic


def _has_decoder(stream: Stream) -> bool:
    return getattr(stream, "codec_context", None) is not None


def _video_index(
    container: InputContainer, stream: VideoStream, media: MediaFile, claimed_seconds: float
) -> VideoStreamIndex:
    start = _start_seconds(container, stream)
    entries, is_listed = stream.index_entries, _is_whole_index(stream)
    if is_listed:
        is_complete = len(entries) <= MAX_INDEX_ENTRIES
        packets = list(_indexed_packets(container, stream, media.size_bytes))
        reachable = _reachable_ratio(entries, media.size_bytes)
    else:
        packets, is_complete = _scan(container, stream)
        reachable = 1.0
    is_seekable = is_listed or can_seek(container, stream, start + origin_seconds(container))
    claimed_seconds = (_stream_seconds(stream) or claimed_seconds) * reachable
    if not claimed_seconds and not is_complete:
        end = _last_seconds(container, stream) if is_seekable else _expected_seconds(packets, media.size_bytes)
        claimed_seconds = max(0.0, end - start)
    duration = _duration_seconds(packets, is_complete, start, claimed_seconds)
    is_probed = is_seekable and not is_listed and not is_complete
    probed = _probed(container, stream, packets, start + duration) if is_probed else []
    return VideoStreamIndex(
        codec=stream.codec_context.name,
        width=stream.width,
        height=stream.height,
        pixel_aspect=_pixel_aspect(stream),
        frame_rate_hz=float(stream.average_rate or 0),
        start_seconds=start,
        duration_seconds=duration,
        num_packets=len(packets),
        keyframe_seconds=tuple(sorted({*_thinned(packets), *probed})),
        bytes_per_second=_bytes_per_second(packets, start),
        is_listed=is_listed,
        is_complete=is_complete,
        is_seekable=is_seekable,
    )


def _audio_index(
    container: InputContainer, stream: AudioStream, media: MediaFile, claimed_seconds: float
) -> AudioStreamIndex:
    reachable = _reachable_ratio(stream.index_entries, media.size_bytes) if _is_whole_index(stream) else 1.0
    return AudioStreamIndex(
        codec=stream.codec_context.name,
        sample_rate_hz=stream.codec_context.sample_rate,
        num_channels=stream.codec_context.channels,
        start_seconds=_start_seconds(container, stream),
        duration_seconds=(_stream_seconds(stream) or claimed_seconds) * reachable,
    )


def _is_whole_index(stream: Stream) -> bool:
    """Whether the container lists every packet (MP4, AVI), not just places to seek to (Matroska, MP3)."""
    return len(stream.index_entries) >= stream.frames > 0


def _start_seconds(container: InputContainer, stream: Stream) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base) - origin_seconds(container)


def _stream_seconds(stream: Stream) -> float:
    return max(0.0, float((stream.duration or 0) * (stream.time_base or 0)))


def _pixel_aspect(stream: VideoStream) -> float:
    """Bounded: a pixel aspect of a thousand is a broken header, not a picture."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 0.1 <= aspect <= 10 else 1.0


def _indexed_packets(container: InputContainer, stream: VideoStream, size_bytes: int) -> Iterator[PacketEntry]:
    """What the index lists and the file holds. Index times are decode times: shifted so that they start as
    shown."""
    entries, base = stream.index_entries, float(stream.time_base or 0)
    shift = _start_seconds(container, stream) - entries[0].timestamp * base
    for entry in islice(entries, MAX_INDEX_ENTRIES):
        if entry.pos + entry.size <= size_bytes:
            yield PacketEntry(entry.timestamp * base + shift, entry.size, entry.is_keyframe)


def _reachable_ratio(entries: IndexEntries, size_bytes: int) -> float:
    """Share of the listed packets that lie inside the file, taking them to lie in order."""
    first_beyond = bisect_left(range(len(entries)), True, key=lambda n: entries[n].pos + entries[n].size > size_bytes)
    return first_beyond / len(entries)


def _scan(container: InputContainer, stream: VideoStream) -> tuple[list[PacketEntry], bool]:
    """Packets by reading through the file, and whether its end was reached within the bounds."""
    packets: list[PacketEntry] = []
    origin, bytes_left = origin_seconds(container), MAX_SCAN_BYTES
    read_only(container, stream)
    try:
        for packet in container.demux(stream):
            if packet.size:
                seconds = _packet_seconds(packet, origin, packets)
                packets.append(PacketEntry(seconds, packet.size, packet.is_keyframe))
            bytes_left -= packet.size
            if len(packets) >= MAX_SCAN_PACKETS or bytes_left < 0:
                return packets, False
    except FFmpegError:
        return packets, True  # a broken tail ends the scan as the end of the file does
    return packets, True


def _packet_seconds(packet: Packet[VideoStream], origin: float, before: list[PacketEntry]) -> float:
    """A packet that carries no time is taken to follow on the one before."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return before[-1].seconds + UNKNOWN_INTERVAL_SECONDS if before else 0.0
    return float(stamp * packet.time_base) - origin


def _duration_seconds(packets: list[PacketEntry], is_complete: bool, start: float, claimed_seconds: float) -> float:
    """From the packets where all of them are known, else as far as the header is borne out."""
    if not is_complete or not packets:
        return claimed_seconds
    last = max(packet.seconds for packet in packets)
    spread = last - min(packet.seconds for packet in packets)
    interval = spread / (len(packets) - 1) if len(packets) > 1 else min(claimed_seconds, 1.0)
    return max(0.0, last - start + interval)


def _last_seconds(container: InputContainer, stream: VideoStream) -> float:
    """When a recording ends whose header does not say."""
    last_seconds = last_picture_seconds(container, stream)
    return 0.0 if last_seconds is None else last_seconds - origin_seconds(container)


def _expected_seconds(packets: list[PacketEntry], size_bytes: int) -> float:
    """When an elementary stream ends if it goes on as it began."""
    read_bytes = sum(packet.size_bytes for packet in packets)
    return packets[-1].seconds * size_bytes / read_bytes if read_bytes else 0.0


def _thinned(packets: list[PacketEntry]) -> list[float]:
    """Times of keyframes."""
    seconds = sorted(packet.seconds for packet in packets if packet.is_keyframe)
    stride = -(-len(seconds) // MAX_KEYFRAMES) or 1
    return seconds[::stride]


def _probed(
    container: InputContainer, stream: VideoStream, packets: list[PacketEntry], end_seconds: float
) -> list[float]:
    """Keyframes beyond the packets that were read."""
    origin = origin_seconds(container)
    last_seconds = max((packet.seconds for packet in packets), default=0.0)
    found = probed_keyframes(container, stream, start_seconds=origin + last_seconds, end_seconds=origin + end_seconds)
    return [seconds - origin for seconds in found]


def _bytes_per_second(packets: Iterable[PacketEntry], start: float) -> tuple[int, ...]:
    profile: dict[int, int] = {}
    for packet in packets:
        second = int(packet.seconds - start)
        if 0 <= second < MAX_PROFILE_SECONDS:
            profile[second] = profile.get(second, 0) + packet.size_bytes
    return tuple(profile.get(second, 0) for second in range(max(profile, default=-1) + 1))
