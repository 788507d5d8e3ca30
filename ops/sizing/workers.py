"""How many workers each role needs in the busiest hour, all cells together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ops.sizing.profile import Profile


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers before spares and before anything is rounded up to cells."""

    media_capacity_hz: float
    """Videos a second of one media worker that never rests."""
    media: int
    light_cores: dict[str, int]
    """By role; a light worker is one core."""


def media_capacity_hz(profile: Profile) -> float:
    """Cores that a worker gets to use, over the CPU time of a video."""
    return profile["worker_cores"] * profile["media_cores_busy_ratio"] / profile["media_cpu_seconds_per_video"]


def workers_for(profile: Profile, videos_per_second: float) -> Workers:
    """Each role's peak rate over what one worker takes at its utilisation target."""
    peak = videos_per_second * profile["peak_ratio"]
    capacity = media_capacity_hz(profile)
    light = {
        "intake": peak / profile["intake_videos_per_second_per_core"],
        "verdict": peak * _facts_ratio(profile) / profile["verdict_videos_per_second_per_core"],
        "engagement": peak * profile["engagement_events_per_video"] / profile["engagement_events_per_second_per_core"],
    }
    return Workers(
        media_capacity_hz=capacity,
        media=up(peak / (capacity * profile["utilisation"])),
        light_cores={role: up(cores / profile["light_utilisation"]) for role, cores in light.items()},
    )


def up(amount: float) -> int:
    """Round up; what is a whole number but for rounding errors stays it."""
    return max(1, math.ceil(amount * (1 - 1e-9)))


def _facts_ratio(profile: Profile) -> float:
    """Facts of a video over those that the verdict role was measured with: summaries of engagement come on top."""
    return (FACTS_PER_VIDEO + profile["engagement_summaries_per_video"]) / FACTS_PER_VIDEO


FACTS_PER_VIDEO = 5
"""`accepted` and one signal of each of four modalities."""
