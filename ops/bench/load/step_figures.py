"""Figures of one step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step of offered load."""

    offered_videos_per_second: float
    answered_videos_per_second: float
    p50_seconds: float
    """From the scheduled upload to the final verdict; infinite if that many have none."""
    p99_seconds: float
    utilisation_ratio: float
    """CPU time of the worker and its decoders over the time of all cores."""
    videos_per_usd: float
    """Of the whole machine, busy or idle, by the price table."""
    videos_per_joule: float
    is_energy_modelled: bool
    """By the price table, where no meter can be read."""
    num_videos: int
    backlog: int
    """Uploads without a verdict at the end of the schedule."""
    latest_seconds: float
    """How late an upload was published at most; part of the latencies."""
    is_saturated: bool
    tokens_per_usd: float = 0.0
    """Tokens that language models read and wrote, over the money for the machine and for them; 0 without any."""
