"""Redis memory in the steady state, when as much expires as is added."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.profile import Profile
from ops.sizing.rate import DAY_SECONDS

ALWAYS_KEPT = ("status", "verdict", "features", "embeddings", "state", "engagement", "vectors")
"""Kinds of keys that stay until a video is deleted."""
_IDS_SECONDS = 1_200.0
"""Event ids are kept for ten to twenty minutes."""


@dataclass(frozen=True, slots=True)
class StoreMemory:
    """Bytes of data in primaries, without replicas and reserve."""

    bytes_by_kind: dict[str, float]

    @property
    def total_bytes(self) -> float:
        """All kinds together."""
        return sum(self.bytes_by_kind.values())


def store_memory(profile: Profile, videos_per_second: float) -> StoreMemory:
    """Return the bytes per video times the videos that arrive within the retention."""
    per_day = videos_per_second * DAY_SECONDS
    kept = per_day * profile["redis_kept_days"]
    events = videos_per_second * profile["peak_ratio"] * profile["engagement_events_per_video"]
    found = {kind: kept * profile[f"redis_{kind}_bytes_per_video"] for kind in ALWAYS_KEPT}
    found["claims"] = per_day * profile["redis_claims_days"] * profile["redis_claims_bytes_per_video"]
    found["engagement ids"] = events * _IDS_SECONDS * profile["redis_engagement_id_bytes"]
    return StoreMemory(found)
