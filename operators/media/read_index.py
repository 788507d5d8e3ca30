"""Reading a container's index without decoding. Decoder process only.

Headers lie: everything here does bounded work whatever a header claims, and what is beyond the end of the
file is not counted as there.
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
"""A file with more is thinned evenly; any keyframe is a place to start."""
UNKNOWN_INTERVAL_SECONDS = 1 / 25
"""Between packets without times, in elementary streams."""
MAX_UNEVEN_PACKETS = 2_700
"""Of a list without true times of showing: a video of no more pictures is decoded in full, so that all of it is read
anyway."""
UNEVEN_RATIO = 1.5
"""Longest over median distance of two pictures from which on a video counts as one of uneven rate."""
MISFIT_RATIO = 0.02
"""Of the stated length: by so much decode times may span less or more."""
MEASURED_CONTAINERS = ("mpegts", "mpeg", "flv")
"""Of these FFmpeg measures how long a stream is; their headers do not say, or are not believed."""
GUESSED_CONTAINERS = ("aac", "ac3", "eac3", "amr", "mp3", "h264", "hevc", "mpegvideo", "m4v", "obu")
"""Of these FFmpeg guesses it from the rate of the first packets, ten times too long where silence comes first. MP3 may
have a header that says."""
MP3_HEADERS = (b"Xing", b"Info", b"VBRI")
MP3_HEADER_BYTES = 4096
"""Of the first packet, in which that header lies."""
MAX_CONTENT_TIMES = 192
"""Times that divide the pictures of a video into equal parts: four times the pictures that a plan wants by default."""
LISTED_RATIO = 0.95
"""Of a stream's stated length: an index that spans this much of it lists all that is shown, though edits may have taken
packets out of it."""
MAX_LAST_INTERVALS = 4.0
"""The last picture of a file that is cut off may be stated to last for all that is missing."""
LAST_SLACK_SECONDS = 0.05
"""Containers round how long a picture lasts."""
MAX_BEHIND_RATIO = 0.1
"""Of a file's bytes: so much may be behind the last picture that seeking finds."""
MICROSECOND = Fraction(1, 1_000_000)
"""What the container's own times are counted in."""


@dataclass(frozen=True, slots=True)
class PacketEntry:
    """One packet as the index tells it."""

    seconds: float
    size_bytes: int
    is_keyframe: bool
    is_hidden: bool = False
    """Decoded for the sake of others and not shown, as an edit wants it."""
    duration_seconds: float = 0.0
    """How long the packet itself says that it is shown; 0.0 where it does not say, and in lists."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What reading through a file has found."""

    packets: list[PacketEntry]
    is_complete: bool
    """Whether its end was reached within the bounds."""
    restarts: tuple[ClockRestart, ...] = ()
    was_read: bool = True
    sound_end_seconds: float = 0.0
    """Of sound whose length no header tells; 0.0 where it is not asked for or not all of the file was read."""


def origin_seconds(container: InputContainer) -> float:
    """The container's clock at the start of the file's timeline."""
    return float((container.start_time or 0) * MICROSECOND)


def read_index(container: InputContainer, media: MediaFile) -> MediaIndex:
    """Index `container`, reading through it where it has no list of its packets."""
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
    """What to say of a stream of a transport stream that is encrypted as a whole."""
    ratio = 0.0 if stream is None else ledger.scrambled_ratios.get(stream.index, 0.0)
    is_all = ratio > 1 - NOTHING_RATIO
    return StreamFault("media-encrypted", f"the {kind} is encrypted: {ratio:.0%} of its packets") if is_all else None


def _is_fault(track: UnseenTrack, video: VideoStream | None, audio: AudioStream | None) -> bool:
    """Whether a track is of a modality that fails as a whole anyway."""
    return (track.kind == "video" and video is None) or (track.kind == "audio" and audio is None)


def _packets(container: InputContainer, video: VideoStream | None, audio: AudioStream | None, media: MediaFile) -> Scan:
    """Packets of the pictures; of the sound alone where a transport stream has nothing else."""
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
    """Sound that ends before the part of the file in which FFmpeg looks for ends, or whose clock wraps."""
    if audio is None or container.format.name not in MEASURED_CONTAINERS:
        return None
    return None if _stream_seconds(audio) and not _is_wrapped(container, audio) else audio


def _is_guessed(container: InputContainer, media: MediaFile) -> bool:
    """Whether its packets alone tell how long it is."""
    if container.format.name != "mp3":
        return container.format.name in GUESSED_CONTAINERS
    tag = media.peek(0, 10)
    is_tagged = len(tag) == 10 and tag.startswith(b"ID3")
    tag_bytes = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=False))
    first = media.peek(10 + tag_bytes if is_tagged else 0, MP3_HEADER_BYTES)
    return not any(header in first for header in MP3_HEADERS)


def _is_uneven(packets: list[PacketEntry]) -> bool:
    """Whether pictures follow one another at uneven distances: decode times then say little of when they are shown."""
    times = sorted(packet.seconds for packet in packets)
    intervals = sorted(after - before for before, after in pairwise(times))
    return bool(intervals) and intervals[-1] > UNEVEN_RATIO * intervals[len(intervals) // 2]


def _fits(packets: list[PacketEntry], stated_seconds: float, num_listed: int) -> bool:
    """Whether decode times of a list that is there in whole span what is stated.

    Else pictures are shown at other distances than they are decoded: one at the end an hour after the others.
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
    if not is_complete and not is_listed:  # a header may state less than there is, so that the rest is not looked at
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
    if hidden_ratio > MAX_BEHIND_RATIO:  # the table for seeks leads nowhere near the end
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
        seconds = 0.0  # FFmpeg measured it across the end of the clock
    if scan.sound_end_seconds:
        seconds = scan.sound_end_seconds - start
    if stream.index in ledger.stream_seconds:  # a header may state less than there is
        seconds = max(seconds, ledger.stream_seconds[stream.index] - origin_seconds(container) - start)
    is_guessed = _is_guessed(container, media)
    if is_guessed and scan.packets:
        seconds = _read_seconds(scan, media.size_bytes) - start
    elif scan.restarts and scan.packets:  # what FFmpeg measured ends where the clock starts again
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
    """When sound ends of which packets were read from the beginning on, if it goes on as it began."""
    times = [packet.seconds for packet in scan.packets]
    interval = times[-1] - times[-2] if len(times) > 1 else 0.0
    return max(times) + max(0.0, interval) if scan.is_complete else _expected_seconds(scan.packets, size_bytes)


def _announced_seconds(stream: Stream, start: float) -> float:
    """The length that the container states for one stream; 0.0 where it states none, or FFmpeg only measured it."""
    if stream.container.format.name in MEASURED_CONTAINERS:
        return 0.0
    if stream.container.format.name == "avi":  # FFmpeg takes the file's size for it; the header counts in frames
        return stream.frames * float(stream.time_base or 0)
    return _own_seconds(stream, start)


def _own_seconds(stream: Stream, start: float) -> float:
    """Length of one stream; Matroska's tag says when it ends.

    The tag comes first: to a stream that begins late FFmpeg gives the whole file's length.
    """
    tagged = _tagged_seconds(stream.metadata.get("DURATION", ""))
    return max(0.0, tagged - start) if tagged else _stream_seconds(stream)


def _tagged_seconds(tag: str) -> float:
    """Of Matroska's `00:00:05.040000000`; 0.0 for anything else."""
    found = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", tag)
    return int(found[1]) * 3_600.0 + int(found[2]) * 60.0 + float(found[3]) if found else 0.0


def _is_whole_index(stream: Stream) -> bool:
    """Whether the container lists every packet (MP4, AVI), not just places to seek to (Matroska, MP3).

    Edits take packets out of MP4's list; what is left then spans the length that is stated for the stream.
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
    """What of an MP4 stream's length is an edit that shows nothing ahead of it: FFmpeg counts that, or does not."""
    begin = float((stream.start_time or 0) * (stream.time_base or 0))
    if begin <= 0 or not len(stream.index_entries):
        return 0.0
    shown = [entry.timestamp for entry in islice(stream.index_entries, MAX_INDEX_ENTRIES) if not entry.is_discard]
    spanned = (max(shown) - min(shown)) * float(stream.time_base or 0) if shown else 0.0
    return begin if abs(seconds - begin - spanned) < abs(seconds - spanned) else 0.0


def _indexed_packets(container: InputContainer, stream: VideoStream, size_bytes: int) -> Iterator[PacketEntry]:
    """What the index lists and the file holds.

    Index times are decode times: shifted so that the first packet that is shown has the time at which the stream
    starts. Edits leave packets in the list that are only decoded for the sake of others.
    """
    entries, base = stream.index_entries, float(stream.time_base or 0)
    first = next((entry for entry in islice(entries, MAX_INDEX_ENTRIES) if not entry.is_discard), entries[0])
    shift = _start_seconds(container, stream) - first.timestamp * base
    for entry in islice(entries, MAX_INDEX_ENTRIES):
        if entry.pos + entry.size <= size_bytes:
            yield PacketEntry(entry.timestamp * base + shift, entry.size, entry.is_keyframe, entry.is_discard)


def _reachable_ratio(entries: IndexEntries, size_bytes: int) -> float:
    """Share of the listed packets that lie inside the file, taking them to be in order."""
    first_beyond = bisect_left(range(len(entries)), True, key=lambda n: entries[n].pos + entries[n].size > size_bytes)
    return first_beyond / len(entries)


def _scan(container: InputContainer, stream: VideoStream | AudioStream, sound: AudioStream | None = None) -> Scan:
    """Packets by reading through the file; of `sound`, which lies between them, only where it ends."""
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
        pass  # a broken tail ends the scan as the end of the file does
    return Scan(packets, True, tuple(clock.restarts), sound_end_seconds=end_of_sound.seconds)


class SoundEnd:
    """When the last packet of sound ends."""

    def __init__(self, origin: float) -> None:
        self.seconds = 0.0
        self._clock = ContinuousClock()
        self._clock.origin_seconds = origin

    def add(self, packet: Packet[Any]) -> None:
        """One more packet, in the order of the file."""
        self._clock.correct(packet)
        if packet.size and packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.seconds = max(self.seconds, end - self._clock.origin_seconds)


def _packet_seconds(packet: Packet[Any], origin: float, before: list[PacketEntry]) -> float:
    """A packet that carries no time is taken to follow on the one before."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return before[-1].seconds + UNKNOWN_INTERVAL_SECONDS if before else 0.0
    return float(stamp * packet.time_base) - origin


def _last_lasts(packets: list[PacketEntry], is_whole: bool) -> float:
    """How long the last picture is shown, where it says so itself, or where a list of packets that are all there does.

    Infinite stands for the latter: as long as the header says.
    """
    shown = [packet for packet in packets if not packet.is_hidden]
    last = max(shown, key=lambda packet: packet.seconds, default=None)
    return math.inf if is_whole else last.duration_seconds if last else 0.0


def _duration_seconds(
    shown: list[float], is_complete: bool, start: float, claimed_seconds: float, last_lasts: float
) -> float:
    """From the packets where all of them are known, else as far as the header is borne out.

    The last picture lasts as long as the header says, if that is no longer than a few of the others or than
    `last_lasts`, else as long as they do in the median: their mean says nothing where a screen recorder writes a
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
    """Times of at most `MAX_CONTENT_TIMES` pictures, evenly chosen by their number."""
    if len(shown) <= MAX_CONTENT_TIMES:
        return tuple(shown)
    step = len(shown) / MAX_CONTENT_TIMES
    return tuple(shown[int((number + 0.5) * step)] for number in range(MAX_CONTENT_TIMES))


def _last_picture(container: InputContainer, stream: VideoStream) -> tuple[float, int]:
    """When a recording ends whose header does not say, and behind which byte; 0.0 and 0 where that cannot be found."""
    found = last_picture(container, stream)
    return (found[0] - origin_seconds(container), found[1]) if found else (0.0, 0)


def _expected_seconds(packets: list[PacketEntry], size_bytes: int) -> float:
    """When an elementary stream ends if it goes on as it began."""
    read_bytes = sum(packet.size_bytes for packet in packets)
    return packets[-1].seconds * size_bytes / read_bytes if read_bytes else 0.0


def _thinned(packets: list[PacketEntry]) -> list[float]:
    """Times of keyframes."""
    seconds = sorted(packet.seconds for packet in packets if packet.is_keyframe and not packet.is_hidden)
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
