"""Number of workers per role in the busiest hour, all cells together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ops.sizing.profile import Profile


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers before spares and before rounding up to cells."""

    media_capacity_hz: float
    """Videos per second of one media worker that is never idle."""
    media: int
    light_cores: dict[str, int]
    """By role; a light worker has one core."""


def media_capacity_hz(profile: Profile) -> float:
    """Return the cores available to a worker divided by the CPU time of a video."""
    return profile["worker_cores"] * profile["media_cores_busy_ratio"] / profile["media_cpu_seconds_per_video"]


def workers_for(profile: Profile, videos_per_second: float) -> Workers:
    """Return each role's peak rate divided by the capacity of a worker at its target utilisation."""
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
    """Round up; a whole number with a rounding error stays the same."""
    return max(1, math.ceil(amount * (1 - 1e-9)))


def _facts_ratio(profile: Profile) -> float:
    """Return the facts of a video divided by those in the measurement of the verdict role: engagement summaries are
    additional."""
    return (FACTS_PER_VIDEO + profile["engagement_summaries_per_video"]) / FACTS_PER_VIDEO


FACTS_PER_VIDEO = 5
"""`accepted` and one signal of each of four modalities."""
