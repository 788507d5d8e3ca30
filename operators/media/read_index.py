"""Reads a container's index without decoding. Decoder process only.

Headers are not trusted: the work is limited whatever a header claims, and content beyond the end of the file does not
count.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.index import IndexEntries
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from operators.media.containers import MediaFile, packets_of, read_only
from operators.media.continuous_clock import WRAPPING_CONTAINERS, ContinuousClock, unwrapped
from operators.media.index import (
    AudioStreamIndex,
    ClockRestart,
    MediaIndex,
    StreamFault,
    UnseenTrack,
    VideoStreamIndex,
)
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.ledger_registry import ledger_of
from operators.media.pixel_aspect import pixel_aspect
from operators.media.seek_probes import can_seek, last_picture, probed_keyframes
from operators.media.shares import NOTHING_RATIO
from operators.media.streams_of import audio_stream, moving_streams, stream_fault, video_stream
from operators.media.unseen_tracks import unseen_tracks

MAX_INDEX_ENTRIES = 400_000
"""Packets read from an index: 3.7 hours at 30 a second, about 0.2 s of work."""
MAX_SCAN_PACKETS = 60_000
"""Packets read where there is no index: half an hour at 30 a second, about 0.2 s of work."""
MAX_SCAN_BYTES = 128 * 2**20
"""The same bound for the disk."""
MAX_KEYFRAMES = 10_000
"""A file with more is thinned evenly; sample points can start at any keyframe."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between packets without times, in elementary streams."""
MAX_UNEVEN_PACKETS = 2_700
"""For a list without display times: a video with at most this many pictures is decoded in full, so all of it is read
anyway."""
UNEVEN_RATIO = 1.5
"""Longest divided by median interval of pictures from which a video counts as uneven."""
MISFIT_RATIO = 0.02
"""Of the stated length: permitted difference to the span of decode times."""
MEASURED_CONTAINERS = ("mpegts", "mpeg", "flv")
"""FFmpeg measures the duration of these streams; their headers state none, or are not trusted."""
GUESSED_CONTAINERS = ("aac", "ac3", "eac3", "amr", "mp3", "h264", "hevc", "mpegvideo", "m4v", "obu")
"""FFmpeg estimates the duration of these from the rate of the first packets, ten times too long if silence comes first.
MP3 may have a header that states it."""
MP3_HEADERS = (b"Xing", b"Info", b"VBRI")
MP3_HEADER_BYTES = 4096
"""Bytes of the first packet, which contains that header."""
MAX_CONTENT_TIMES = 192
"""Times that divide the pictures of a video into equal parts: four times the pictures of the default plan."""
LISTED_RATIO = 0.95
"""Of a stream's stated length: an index that spans this share lists everything that is shown, though edits may have
removed packets."""
MAX_LAST_INTERVALS = 4.0
"""The last picture of a truncated file may be stated to last for all that is missing."""
LAST_SLACK_SECONDS = 0.05
"""Containers round the duration of a picture."""
MAX_BEHIND_RATIO = 0.1
"""Of a file's bytes: permitted share after the last picture that seeking finds."""
MICROSECOND = Fraction(1, 1_000_000)
"""Unit of the container's own times."""


@dataclass(frozen=True, slots=True)
class PacketEntry:
    """One packet of the index."""

    seconds: float
    size_bytes: int
    is_keyframe: bool
    is_hidden: bool = False
    """Decoded for other packets and not shown, because of an edit."""
    duration_seconds: float = 0.0
    """Stated duration of the packet; 0.0 without one, and in lists."""


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


def origin_seconds(container: InputContainer) -> float:
    """Return the container's clock at the start of the file's timeline."""
    return float((container.start_time or 0) * MICROSECOND)


def read_index(container: InputContainer, media: MediaFile) -> MediaIndex:
    """Read the index of `container`, reading through the file if it has no list of packets."""
    claimed = max(0.0, float((container.duration or 0) * MICROSECOND))
    claimed = 0.0 if any(_is_wrapped(container, stream) for stream in container.streams) else claimed
    video, audio = video_stream(container), audio_stream(container)
    scan = _packets(container, video, audio, media)
    is_here = media.arriving is None or (scan.was_read and scan.is_complete)
    ledger = ledger_of(container, media, may_read_all=is_here, was_listed=not scan.was_read)
    unseen = unseen_tracks(container, media, (video, audio), ledger)
    video_scrambled, audio_scrambled = _scrambled("video", video, ledger), _scrambled("sound", audio, ledger)
    video_index = _video_index(container, video, media, claimed, scan) if video and not video_scrambled else None
    audio_index = (
        _audio_index(container, audio, media, claimed, scan, ledger) if audio and not audio_scrambled else None
    )
    reached = [stream.start_seconds + stream.duration_seconds for stream in (video_index, audio_index) if stream]
    return MediaIndex(
        container=container.format.name,
        size_bytes=media.size_bytes,
        duration_seconds=max(reached, default=0.0),
        claimed_duration_seconds=0.0 if _is_guessed(container, media) else claimed,
        origin_seconds=origin_seconds(container),
        video=video_index,
        audio=audio_index,
        video_fault=video_scrambled or stream_fault("video", moving_streams(container)),
        audio_fault=audio_scrambled or stream_fault("sound", container.streams.audio),
        unseen=tuple(track for track in unseen if not _is_fault(track, video, audio)),
        clock_restarts=scan.restarts,
        was_scanned=scan.was_read,
    )


def _scrambled(kind: str, stream: Stream | None, ledger: Ledger) -> StreamFault | None:
    """Return the fault of a transport stream's stream that is completely encrypted."""
    ratio = 0.0 if stream is None else ledger.scrambled_ratios.get(stream.index, 0.0)
    is_all = ratio > 1 - NOTHING_RATIO
    return StreamFault("media-encrypted", f"the {kind} is encrypted: {ratio:.0%} of its packets") if is_all else None


def _is_fault(track: UnseenTrack, video: VideoStream | None, audio: AudioStream | None) -> bool:
    """Return whether a track is of a modality that fails anyway."""
    return (track.kind == "video" and video is None) or (track.kind == "audio" and audio is None)


def _packets(container: InputContainer, video: VideoStream | None, audio: AudioStream | None, media: MediaFile) -> Scan:
    """Return packets of the pictures; of the sound if a transport stream has nothing else."""
    if video is None:
        has_clock = container.format.name in MEASURED_CONTAINERS or _is_guessed(container, media)
        return _scan(container, audio) if audio is not None and has_clock else Scan([], True)
    if not _is_whole_index(video):
        return _scan(container, video, _unmeasured(container, audio))
    packets = list(_indexed_packets(container, video, media.size_bytes))
    may_be_swept = len(packets) <= MAX_UNEVEN_PACKETS
    if (may_be_swept and _is_uneven(packets)) or not _fits(packets, _stream_seconds(video), len(video.index_entries)):
        return _scan(container, video)
    return Scan(packets, len(video.index_entries) <= MAX_INDEX_ENTRIES, was_read=False)


def _unmeasured(container: InputContainer, audio: AudioStream | None) -> AudioStream | None:
    """Return sound that ends before the part of the file in which FFmpeg looks for ends, or whose clock wraps."""
    if audio is None or container.format.name not in MEASURED_CONTAINERS:
        return None
    return None if _stream_seconds(audio) and not _is_wrapped(container, audio) else audio


def _is_guessed(container: InputContainer, media: MediaFile) -> bool:
    """Return whether only its packets determine its duration."""
    if container.format.name != "mp3":
        return container.format.name in GUESSED_CONTAINERS
    tag = media.peek(0, 10)
    is_tagged = len(tag) == 10 and tag.startswith(b"ID3")
    tag_bytes = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=False))
    first = media.peek(10 + tag_bytes if is_tagged else 0, MP3_HEADER_BYTES)
    return not any(header in first for header in MP3_HEADERS)


def _is_uneven(packets: list[PacketEntry]) -> bool:
    """Return whether pictures have uneven intervals: decode times then say little about display times."""
    times = sorted(packet.seconds for packet in packets)
    intervals = sorted(after - before for before, after in pairwise(times))
    return bool(intervals) and intervals[-1] > UNEVEN_RATIO * intervals[len(intervals) // 2]


def _fits(packets: list[PacketEntry], stated_seconds: float, num_listed: int) -> bool:
    """Return whether the decode times of a complete list span the stated length.

    Otherwise display intervals differ from decode intervals: for example one picture an hour after the others.
    """
    times = [packet.seconds for packet in packets if not packet.is_hidden]
    if len(packets) < num_listed or len(times) < 2 or not stated_seconds:
        return True
    spanned = (max(times) - min(times)) * len(times) / (len(times) - 1)
    return abs(spanned - stated_seconds) <= max(1.0, MISFIT_RATIO * stated_seconds)


def _video_index(
    container: InputContainer, stream: VideoStream, media: MediaFile, claimed_seconds: float, scan: Scan
) -> VideoStreamIndex:
    start = _start_seconds(container, stream)
    packets, is_complete, is_listed = scan.packets, scan.is_complete, _is_whole_index(stream)
    reachable = _reachable_ratio(stream.index_entries, media.size_bytes) if is_listed else 1.0
    is_seekable = is_listed or can_seek(container, stream, start + origin_seconds(container))
    is_guessed = _is_guessed(container, media)
    stated_seconds = 0.0 if is_guessed else _own_seconds(stream, start) or max(0.0, claimed_seconds - start)
    claimed_seconds = stated_seconds * reachable
    shown = sorted(packet.seconds for packet in packets if not packet.is_hidden)
    hidden_ratio = 0.0
    if not is_complete and not is_listed:  # a header may state less than there is, so the rest would not be analysed
        can_tell = is_seekable and not scan.restarts
        known = shown[-1] if shown else start
        if can_tell or not claimed_seconds or start + claimed_seconds <= known:
            end, place = (
                _last_picture(container, stream) if can_tell else (_expected_seconds(packets, media.size_bytes), 0)
            )
            claimed_seconds = max(claimed_seconds, known - start, end - start)
            hidden_ratio = 1 - place / media.size_bytes if place else 0.0
    is_whole = container.format.name.startswith("mov,") and is_listed and reachable >= 1.0
    duration = _duration_seconds(shown, is_complete, start, claimed_seconds, _last_lasts(packets, is_whole))
    announced_seconds = 0.0 if is_guessed else _announced_seconds(stream, start)
    if hidden_ratio > MAX_BEHIND_RATIO:  # the seek table does not reach the end
        announced_seconds = max(announced_seconds, duration / (1 - hidden_ratio))
    is_probed = is_seekable and not is_listed and not is_complete
    probed = _probed(container, stream, packets, start + duration) if is_probed else []
    return VideoStreamIndex(
        codec=stream.codec_context.name,
        width=stream.width,
        height=stream.height,
        pixel_aspect=pixel_aspect(stream),
        frame_rate_hz=float(stream.average_rate or 0),
        start_seconds=start,
        duration_seconds=duration,
        num_packets=len(packets),
        keyframe_seconds=tuple(sorted({*_thinned(packets), *probed})),
        is_listed=is_listed,
        is_complete=is_complete,
        is_seekable=is_seekable and not scan.restarts,
        announced_seconds=announced_seconds,
        longest_interval_seconds=max((after - before for before, after in pairwise(shown)), default=0.0),
        content_seconds=_content_seconds(shown) if is_complete else (),
        last_picture_seconds=shown[-1] if is_complete and shown else None,
    )


def _audio_index(
    container: InputContainer,
    stream: AudioStream,
    media: MediaFile,
    claimed_seconds: float,
    scan: Scan,
    ledger: Ledger,
) -> AudioStreamIndex:
    start = _start_seconds(container, stream)
    seconds = _own_seconds(stream, start) or max(0.0, claimed_seconds - start)
    if _is_wrapped(container, stream):
        seconds = 0.0  # FFmpeg measured it across a wrap of the clock
    if scan.sound_end_seconds:
        seconds = scan.sound_end_seconds - start
    if stream.index in ledger.stream_seconds:  # a header may state less than there is
        seconds = max(seconds, ledger.stream_seconds[stream.index] - origin_seconds(container) - start)
    is_guessed = _is_guessed(container, media)
    if is_guessed and scan.packets:
        seconds = _read_seconds(scan, media.size_bytes) - start
    elif scan.restarts and scan.packets:  # FFmpeg's measurement ends where the clock restarts
        seconds = max(seconds, max(packet.seconds for packet in scan.packets) - start)
    reachable = _reachable_ratio(stream.index_entries, media.size_bytes) if _is_whole_index(stream) else 1.0
    return AudioStreamIndex(
        codec=stream.codec_context.name,
        num_channels=stream.codec_context.channels,
        start_seconds=start,
        duration_seconds=seconds * reachable,
        announced_seconds=0.0 if is_guessed else _announced_seconds(stream, start),
        is_listed=_is_whole_index(stream),
    )


def _read_seconds(scan: Scan, size_bytes: int) -> float:
    """Return the end of sound whose first packets were read, at the same rate."""
    times = [packet.seconds for packet in scan.packets]
    interval = times[-1] - times[-2] if len(times) > 1 else 0.0
    return max(times) + max(0.0, interval) if scan.is_complete else _expected_seconds(scan.packets, size_bytes)


def _announced_seconds(stream: Stream, start: float) -> float:
    """Return the stated length of one stream; 0.0 without one, or if FFmpeg only measured it."""
    if stream.container.format.name in MEASURED_CONTAINERS:
        return 0.0
    if stream.container.format.name == "avi":  # FFmpeg derives it from the file size; the header counts frames
        return stream.frames * float(stream.time_base or 0)
    return _own_seconds(stream, start)


def _own_seconds(stream: Stream, start: float) -> float:
    """Return the length of one stream; Matroska's tag states its end.

    The tag comes first: for a stream that starts late FFmpeg returns the whole file's length.
    """
    tagged = _tagged_seconds(stream.metadata.get("DURATION", ""))
    return max(0.0, tagged - start) if tagged else _stream_seconds(stream)


def _tagged_seconds(tag: str) -> float:
    """Parse Matroska's `00:00:05.040000000`; 0.0 for other text."""
    found = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", tag)
    return int(found[1]) * 3_600.0 + int(found[2]) * 60.0 + float(found[3]) if found else 0.0


def _is_whole_index(stream: Stream) -> bool:
    """Return whether the container lists every packet (MP4, AVI), not only seek points (Matroska, MP3).

    Edits remove packets from MP4's list; the rest then spans the stated length of the stream.
    """
    entries = stream.index_entries
    if not stream.frames or not len(entries):
        return False
    if len(entries) >= stream.frames:
        return True
    spanned = (entries[-1].timestamp - entries[0].timestamp) * float(stream.time_base or 0)
    is_mp4 = stream.container.format.name.startswith("mov,")
    return is_mp4 and spanned >= LISTED_RATIO * _stream_seconds(stream) > 0


def _start_seconds(container: InputContainer, stream: Stream) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    start = float(stream.start_time * stream.time_base) - origin_seconds(container)
    return unwrapped(start) if container.format.name in WRAPPING_CONTAINERS else start


def _is_wrapped(container: InputContainer, stream: Stream) -> bool:
    return container.format.name in MEASURED_CONTAINERS and _start_seconds(container, stream) < 0


def _stream_seconds(stream: Stream) -> float:
    seconds = max(0.0, float((stream.duration or 0) * (stream.time_base or 0)))
    return seconds - _pause_seconds(stream, seconds) if stream.container.format.name.startswith("mov,") else seconds


def _pause_seconds(stream: Stream, seconds: float) -> float:
    """Return the part of an MP4 stream's length that is an empty edit before it: FFmpeg includes it or not."""
    begin = float((stream.start_time or 0) * (stream.time_base or 0))
    if begin <= 0 or not len(stream.index_entries):
        return 0.0
    shown = [entry.timestamp for entry in islice(stream.index_entries, MAX_INDEX_ENTRIES) if not entry.is_discard]
    spanned = (max(shown) - min(shown)) * float(stream.time_base or 0) if shown else 0.0
    return begin if abs(seconds - begin - spanned) < abs(seconds - spanned) else 0.0


def _indexed_packets(container: InputContainer, stream: VideoStream, size_bytes: int) -> Iterator[PacketEntry]:
    """Return the packets that the index lists and the file contains.

    Index times are decode times, shifted so that the first displayed packet has the stream's start time. Edits leave
    packets in the list that are only decoded for others.
    """
    entries, base = stream.index_entries, float(stream.time_base or 0)
    first = next((entry for entry in islice(entries, MAX_INDEX_ENTRIES) if not entry.is_discard), entries[0])
    shift = _start_seconds(container, stream) - first.timestamp * base
    for entry in islice(entries, MAX_INDEX_ENTRIES):
        if entry.pos + entry.size <= size_bytes:
            yield PacketEntry(entry.timestamp * base + shift, entry.size, entry.is_keyframe, entry.is_discard)


def _reachable_ratio(entries: IndexEntries, size_bytes: int) -> float:
    """Return the share of the listed packets inside the file, assuming that they are in order."""
    first_beyond = bisect_left(range(len(entries)), True, key=lambda n: entries[n].pos + entries[n].size > size_bytes)
    return first_beyond / len(entries)


def _scan(container: InputContainer, stream: VideoStream | AudioStream, sound: AudioStream | None = None) -> Scan:
    """Return packets by reading through the file; of `sound`, which is interleaved, only its end."""
    packets: list[PacketEntry] = []
    origin, bytes_left, clock = origin_seconds(container), MAX_SCAN_BYTES, ContinuousClock()
    base = float(stream.time_base or 0)
    clock.origin_seconds = origin
    end_of_sound = SoundEnd(origin)
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
                seconds = _packet_seconds(packet, origin, packets)
                lasting = (packet.duration or 0) * base
                packets.append(PacketEntry(seconds, packet.size, packet.is_keyframe, packet.is_discard, lasting))
            bytes_left -= packet.size
            if len(packets) >= MAX_SCAN_PACKETS or bytes_left < 0:
                return Scan(packets, False, tuple(clock.restarts))
    except FFmpegError:
        pass  # a broken tail ends the scan like the end of the file
    return Scan(packets, True, tuple(clock.restarts), sound_end_seconds=end_of_sound.seconds)


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


def _last_lasts(packets: list[PacketEntry], is_whole: bool) -> float:
    """Return how long the last picture is shown, if it states that, or if a complete list of packets does.

    Infinity means the latter: as long as the header states.
    """
    shown = [packet for packet in packets if not packet.is_hidden]
    last = max(shown, key=lambda packet: packet.seconds, default=None)
    return math.inf if is_whole else last.duration_seconds if last else 0.0


def _duration_seconds(
    shown: list[float], is_complete: bool, start: float, claimed_seconds: float, last_lasts: float
) -> float:
    """Return the duration from the packets if all are known, otherwise as far as the header is confirmed.

    The last picture lasts as long as the header states, if that is at most a few times the others or at most
    `last_lasts`; otherwise the median of the others. Their mean is meaningless for a screen recorder that writes a
    picture when something changes.
    """
    if not is_complete or not shown:
        return claimed_seconds
    intervals = sorted(after - before for before, after in pairwise(shown))
    usual = intervals[len(intervals) // 2] if intervals else min(claimed_seconds, 1.0)
    stated = start + claimed_seconds - shown[-1]
    last = stated if 0 < stated <= max(MAX_LAST_INTERVALS * usual, last_lasts + LAST_SLACK_SECONDS) else usual
    return max(0.0, shown[-1] - start + last)


def _content_seconds(shown: list[float]) -> tuple[float, ...]:
    """Return the times of at most `MAX_CONTENT_TIMES` pictures, evenly chosen by their number."""
    if len(shown) <= MAX_CONTENT_TIMES:
        return tuple(shown)
    step = len(shown) / MAX_CONTENT_TIMES
    return tuple(shown[int((number + 0.5) * step)] for number in range(MAX_CONTENT_TIMES))


def _last_picture(container: InputContainer, stream: VideoStream) -> tuple[float, int]:
    """Return the end of a recording without a stated length, and its byte offset; 0.0 and 0 if unknown."""
    found = last_picture(container, stream)
    return (found[0] - origin_seconds(container), found[1]) if found else (0.0, 0)


def _expected_seconds(packets: list[PacketEntry], size_bytes: int) -> float:
    """Return the end of an elementary stream at the rate of its beginning."""
    read_bytes = sum(packet.size_bytes for packet in packets)
    return packets[-1].seconds * size_bytes / read_bytes if read_bytes else 0.0


def _thinned(packets: list[PacketEntry]) -> list[float]:
    """Return the times of keyframes, thinned."""
    seconds = sorted(packet.seconds for packet in packets if packet.is_keyframe and not packet.is_hidden)
    stride = -(-len(seconds) // MAX_KEYFRAMES) or 1
    return seconds[::stride]


def _probed(
    container: InputContainer, stream: VideoStream, packets: list[PacketEntry], end_seconds: float
) -> list[float]:
    """Return keyframes beyond the packets that were read."""
    origin = origin_seconds(container)
    last_seconds = max((packet.seconds for packet in packets), default=0.0)
    found = probed_keyframes(container, stream, start_seconds=origin + last_seconds, end_seconds=origin + end_seconds)
    return [seconds - origin for seconds in found]
