"""Reads a container's index without decoding. Decoder process only.

Headers are not trusted: the work is limited whatever a header claims, and content beyond the end of the file does not
count.
"""

from __future__ import annotations

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from operators.media.animated_webp import index_animation, is_animated_webp
from operators.media.audio_index import index_sound
from operators.media.containers import MediaFile
from operators.media.dolby_vision import dolby_vision_fault
from operators.media.index import MediaIndex, StreamFault, UnseenTrack, VideoStreamIndex
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.ledger_registry import ledger_of
from operators.media.more_layers import listed_packets, more_layers
from operators.media.packet_scan import Scan, find_packets
from operators.media.shares import NOTHING_RATIO
from operators.media.stated_lengths import MEASURED_CONTAINERS, claimed_seconds, has_guessed_length, origin_seconds
from operators.media.streams_of import audio_stream, moving_streams, stream_fault, video_stream
from operators.media.unseen_tracks import unseen_tracks
from operators.media.video_index import index_pictures


def read_index(container: InputContainer, media: MediaFile) -> MediaIndex:
    """Read the index of `container`, reading through the file if it has no list of packets."""
    video, audio = video_stream(container), audio_stream(container)
    scan = find_packets(container, video, audio, media)
    last = max((packet.seconds for packet in scan.packets), default=0.0) if scan.is_complete and scan.packets else None
    is_measured_wrongly = _is_measured_across_restarts(container, scan)
    claimed = 0.0 if is_measured_wrongly else claimed_seconds(container, last, scan.lead_in_seconds)
    is_here = media.arriving is None or (scan.was_read and scan.is_complete)
    ledger = ledger_of(container, media, may_read_all=is_here, was_listed=not scan.was_read)
    first_packets = listed_packets(video, media) if video is not None and not scan.was_read else scan.first_packets
    layers = more_layers(container, video, media, first_packets)
    unseen = (*unseen_tracks(container, media, (video, audio), ledger), *layers)
    video_fault, audio_fault = _scrambled("video", video, ledger), _scrambled("sound", audio, ledger)
    if video is not None:
        video_fault = video_fault or dolby_vision_fault(container, video, media)
    video_index = _pictures(container, video, media, claimed, scan) if video and not video_fault else None
    audio_index = index_sound(container, audio, media, claimed, scan, ledger) if audio and not audio_fault else None
    reached = [stream.start_seconds + stream.duration_seconds for stream in (video_index, audio_index) if stream]
    return MediaIndex(
        container=container.format.name,
        size_bytes=media.size_bytes,
        duration_seconds=max(reached, default=0.0),
        claimed_duration_seconds=0.0 if has_guessed_length(container, media) else claimed,
        origin_seconds=origin_seconds(container),
        video=video_index,
        audio=audio_index,
        video_fault=video_fault or stream_fault("video", moving_streams(container)),
        audio_fault=audio_fault or stream_fault("sound", container.streams.audio),
        unseen=tuple(track for track in unseen if not _is_fault(track, video, audio)),
        clock_restarts=scan.restarts,
        was_scanned=scan.was_read,
    )


def _is_measured_across_restarts(container: InputContainer, scan: Scan) -> bool:
    """Return whether FFmpeg has measured the length between clocks that have nothing to do with each other."""
    return bool(scan.restarts) and scan.is_complete and container.format.name in MEASURED_CONTAINERS


def _pictures(
    container: InputContainer, video: VideoStream, media: MediaFile, claimed_seconds: float, scan: Scan
) -> VideoStreamIndex:
    if is_animated_webp(media):
        return index_animation(media)
    return index_pictures(container, video, media, claimed_seconds, scan)


def _scrambled(kind: str, stream: Stream | None, ledger: Ledger) -> StreamFault | None:
    """Return the fault of a transport stream's stream that is completely encrypted."""
    ratio = 0.0 if stream is None else ledger.scrambled_ratios.get(stream.index, 0.0)
    is_all = ratio > 1 - NOTHING_RATIO
    return StreamFault("media-encrypted", f"the {kind} is encrypted: {ratio:.0%} of its packets") if is_all else None


def _is_fault(track: UnseenTrack, video: VideoStream | None, audio: AudioStream | None) -> bool:
    """Return whether a track is of a modality that fails anyway."""
    return (track.kind == "video" and video is None) or (track.kind == "audio" and audio is None)
