"""Cost and coverage of one decode."""

from __future__ import annotations

from dataclasses import dataclass, replace

from operators.media.index import StreamFault
from schemas.receipts import Seen


@dataclass(frozen=True, slots=True)
class DecodeUsage:
    """Measured inside the decoder process, once per media session; fetching is measured by the session."""

    cpu_seconds: float
    """User and system time of the decoder process, including the index."""
    wall_seconds: float
    bytes_read: int
    frames_decoded: int
    frames_sampled: int
    motion_frames: int
    audio_seconds: float
    decode_errors: int
    """Packets and pictures that were broken, skipped or concealed."""
    decoder: str
    """Name in the decoder registry; empty without video."""
    coverage_ratio: float
    """Share of the wanted seconds that have a sampled frame within half a period, in [0, 1]; 1 without video."""
    index_cpu_seconds: float = 0.0
    """The part of `cpu_seconds` for reading the container's index and planning."""
    fetch_cpu_seconds: float = 0.0
    """CPU time of opening and fetching the media on the event loop, without work of libraries between its steps."""
    bytes_fetched: int = 0
    """Bytes that were received over a network."""
    video: Seen | None = None
    """Coverage of the pictures; None without pictures, or if none were decoded."""
    audio: Seen | None = None
    """Coverage of the sound; None likewise."""
    video_fault: StreamFault | None = None
    """Why the pictures count as not decodable, whatever was decoded."""


def look_receipt(cpu_seconds: float, wall_seconds: float, bytes_read: int) -> DecodeUsage:
    """Return the cost of a second look; its coverage is that of the first decode."""
    return replace(failed_receipt(cpu_seconds, 0.0), wall_seconds=wall_seconds, bytes_read=bytes_read, decode_errors=0)


def failed_receipt(cpu_seconds: float, fetch_cpu_seconds: float) -> DecodeUsage:
    """Return what is known of a failed decode: its CPU time, and no results."""
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
