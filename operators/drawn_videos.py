"""Shares of videos that are drawn by a hash of the id: every analysis of a video says the same."""

from __future__ import annotations

import hashlib


def drawn_ratio(purpose: str, video_id: str) -> float:
    """Return a number in [0, 1) that looks random; numbers for different purposes are independent."""
    return int.from_bytes(hashlib.sha256(f"{purpose}\x1f{video_id}".encode()).digest()[:6]) / 256**6


def is_drawn(purpose: str, video_id: str, ratio: float) -> bool:
    """Return whether a video belongs to the share of a purpose; a larger share contains a smaller one."""
    return drawn_ratio(purpose, video_id) < ratio
