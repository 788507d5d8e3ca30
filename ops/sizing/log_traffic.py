"""Traffic of the brokers in the busiest hour, and their disk usage."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.profile import Profile
from ops.sizing.rate import DAY_SECONDS
from ops.sizing.workers import up

_READERS = {"uploaded": 2, "signals": 1, "engagement": 1}
"""Groups of the product: intake and media, verdict, engagement."""


@dataclass(frozen=True, slots=True)
class LogTraffic:
    """All cells together; bytes per second in the busiest hour, before compression."""

    written: float
    """By producers, to leaders."""
    copied: float
    """From leaders to the other replicas."""
    read: float
    """By consumer groups."""
    mean_written: float
    """Daily mean."""
    disk_bytes: float
    """All replicas together."""
    brokers: int
    bound_by: str
    """The limit that determines the number of brokers."""


def log_traffic(profile: Profile, videos_per_second: float) -> LogTraffic:
    """Return bytes of each topic times its readers, replicas and retention."""
    per_video = bytes_per_video(profile)
    peak = videos_per_second * profile["peak_ratio"]
    readers = {**_READERS, "moderation": profile["outcome_readers"], "recommendation": profile["outcome_readers"]}
    written = peak * sum(per_video.values())
    copied = written * (profile["copies"] - 1)
    disk_bytes = _disk_bytes(profile, videos_per_second, per_video)
    asked = {
        "copies": profile["copies"],
        "throughput": (written + copied) / profile["broker_bytes_per_second"],
        "disk": disk_bytes / profile["broker_disk_bytes"],
        "processor": peak
        * profile["broker_cpu_seconds_per_video"]
        * profile["copies"]
        / (profile["broker_cores"] * profile["light_utilisation"]),
    }
    bound_by = max(asked, key=lambda name: asked[name])
    return LogTraffic(
        written=written,
        copied=copied,
        read=peak * sum(per_video[topic] * readers[topic] for topic in per_video),
        mean_written=written / profile["peak_ratio"],
        disk_bytes=disk_bytes,
        brokers=up(asked[bound_by]),
        bound_by=bound_by,
    )


def bytes_per_video(profile: Profile) -> dict[str, float]:
    """Return bytes by topic; each engagement summary is a fact and publishes both outcomes again."""
    summaries = profile["engagement_summaries_per_video"]
    return {
        "uploaded": profile["log_uploaded_bytes_per_video"],
        "signals": profile["log_signals_bytes_per_video"] + summaries * profile["log_summary_bytes"],
        "moderation": profile["log_moderation_bytes_per_video"] + summaries * profile["log_moderation_last_bytes"],
        "recommendation": profile["log_recommendation_bytes_per_video"]
        + summaries * profile["log_recommendation_last_bytes"],
        "engagement": profile["engagement_events_per_video"] * profile["log_engagement_event_bytes"],
    }


def _disk_bytes(profile: Profile, videos_per_second: float, per_video: dict[str, float]) -> float:
    days = {topic: profile[f"log_{topic}_days"] for topic in ("uploaded", "signals", "engagement")}
    expiring = sum(per_video[topic] * kept for topic, kept in days.items())
    last = profile["log_moderation_last_bytes"] + profile["log_recommendation_last_bytes"]
    compacted = last * profile["redis_kept_days"] * profile["log_compacted_ratio"]
    dirty = per_video["moderation"] + per_video["recommendation"]  # a day's records, until compaction removes them
    return videos_per_second * DAY_SECONDS * (expiring + compacted + dirty) * profile["copies"]
