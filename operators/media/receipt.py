"""What one decode cost and how much of the video it saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodeReceipt:
    """Measured inside the decoder process, once per media session."""

    cpu_seconds: float
    """User and system time of the decoder process."""
    wall_seconds: float
    bytes_read: int
    frames_decoded: int
    frames_sampled: int
    motion_frames: int
    audio_seconds: float
    decode_errors: int
    """Packets and pictures that were broken, skipped or concealed."""
    decoder: str
    """Name in the decoder catalogue; empty when there was no video."""
    coverage_ratio: float
    """Share of the wanted seconds that have a sampled frame within half a period, in [0, 1]; 1 without
    video."""
    plan_fingerprint: str
