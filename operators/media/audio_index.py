"""The index of the sound, from what was stated or read. Decoder process only."""

from __future__ import annotations

from av.audio.stream import AudioStream
from av.container import InputContainer

from operators.media.containers import MediaFile
from operators.media.index import AudioStreamIndex
from operators.media.ledgers.ledger import Ledger
from operators.media.packet_list import is_whole_index, reachable_ratio
from operators.media.packet_scan import Scan, expected_seconds
from operators.media.stated_lengths import (
    announced_length_seconds,
    has_guessed_length,
    is_wrapped,
    origin_seconds,
    own_length_seconds,
    start_seconds,
)


def index_sound(
    container: InputContainer,
    stream: AudioStream,
    media: MediaFile,
    claimed_seconds: float,
    scan: Scan,
    ledger: Ledger,
) -> AudioStreamIndex:
    """Return what the container, its packets and its ledger say about the sound."""
    start = start_seconds(container, stream)
    own_seconds, is_listed = own_length_seconds(stream, start), is_whole_index(stream)
    seconds = own_seconds or max(0.0, claimed_seconds - start)
    if is_wrapped(container, stream):
        seconds = 0.0  # FFmpeg measured it across a wrap of the clock
    if scan.sound_end_seconds:
        seconds = scan.sound_end_seconds - start
    if stream.index in ledger.stream_seconds:  # a header may state less than there is
        seconds = max(seconds, ledger.stream_seconds[stream.index] - origin_seconds(container) - start)
    is_guessed = has_guessed_length(container, media)
    if is_guessed and scan.packets:
        seconds = _read_seconds(scan, media.size_bytes) - start
    elif scan.restarts and scan.packets:  # FFmpeg's measurement ends where the clock restarts
        seconds = max(seconds, max(packet.seconds for packet in scan.packets) - start)
    reachable = reachable_ratio(stream.index_entries, media.size_bytes) if is_listed else 1.0
    return AudioStreamIndex(
        codec=stream.codec_context.name,
        num_channels=stream.codec_context.channels,
        start_seconds=start,
        duration_seconds=seconds * reachable,
        announced_seconds=0.0 if is_guessed else announced_length_seconds(stream, own_seconds),
        is_listed=is_listed,
    )


def _read_seconds(scan: Scan, size_bytes: int) -> float:
    """Return the end of sound whose first packets were read, at the same rate."""
    times = [packet.seconds for packet in scan.packets]
    interval = times[-1] - times[-2] if len(times) > 1 else 0.0
    return max(times) + max(0.0, interval) if scan.is_complete else expected_seconds(scan.packets, size_bytes)
