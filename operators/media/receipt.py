"""What one decode cost and how much of the video it saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

from operators.media.index import StreamFault
from schemas.receipts import Seen


@dataclass(frozen=True, slots=True)
class DecodeUsage:
    """Measured inside the decoder process, once per media session; what fetching took, by the session."""

    cpu_seconds: float
    """User and system time of the decoder process, reading the index included."""
    wall_seconds: float
    bytes_read: int
    frames_decoded: int
    frames_sampled: int
    motion_frames: int
    audio_seconds: float
    decode_errors: int
    """Packets and pictures that were broken, skipped or concealed."""
    decoder: str
    """Name in the decoder registry; empty when there was no video."""
    coverage_ratio: float
    """Share of the wanted seconds that have a sampled frame within half a period, in [0, 1]; 1 without
    video."""
    index_cpu_seconds: float = 0.0
    """The part of `cpu_seconds` that went into reading the container's index and planning."""
    fetch_cpu_seconds: float = 0.0
    """CPU time of opening and fetching the media on the event loop; what libraries do between its steps is not seen."""
    bytes_fetched: int = 0
    """What came over a network."""
    video: Seen | None = None
    """How much was seen; None where there are no pictures, or none of them came out."""
    audio: Seen | None = None
    """How much was heard; likewise."""
    video_fault: StreamFault | None = None
    """Why the pictures count as not decodable, whatever came of them."""


def look_receipt(cpu_seconds: float, wall_seconds: float, bytes_read: int) -> DecodeUsage:
    """What a second look cost; the shares of what was seen are those of the first."""
    return replace(failed_receipt(cpu_seconds, 0.0), wall_seconds=wall_seconds, bytes_read=bytes_read, decode_errors=0)


def failed_receipt(cpu_seconds: float, fetch_cpu_seconds: float) -> DecodeUsage:
    """What is known of a decode that failed: its CPU time, and that it gave nothing."""
    return DecodeUsage(
        cpu_seconds=cpu_seconds,
        wall_seconds=0.0,
        bytes_read=0,
        frames_decoded=0,
        frames_sampled=0,
        motion_frames=0,
        audio_seconds=0.0,
        decode_errors=1,
        decoder="",
        coverage_ratio=0.0,
        fetch_cpu_seconds=fetch_cpu_seconds,
    )
