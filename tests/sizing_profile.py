"""A profile of round figures, for sizing by hand."""

from __future__ import annotations

from ops.sizing.profile import Profile, complete
from ops.sizing.quantity import FIGURES, Quantity

ROUND = {
    "worker_cores": 2.0,
    "media_cpu_seconds_per_video": 1.0,
    "media_cores_busy_ratio": 1.0,
    "media_model_cpu_seconds_per_video": 0.4,
    "media_alone_ratio": 1.0,
    "media_alone_cores": 1.0,
    "media_beside_seconds": 0.1,
    "media_bytes_per_video": 1e6,
    "media_memory_bytes": 1e9,
    "worker_ready_seconds": 15.0,
    "intake_videos_per_second_per_core": 100.0,
    "verdict_videos_per_second_per_core": 50.0,
    "engagement_events_per_second_per_core": 10_000.0,
    "broker_cpu_seconds_per_video": 0.01,
    "log_uploaded_bytes_per_video": 500.0,
    "log_signals_bytes_per_video": 10_000.0,
    "log_moderation_bytes_per_video": 4_000.0,
    "log_recommendation_bytes_per_video": 10_000.0,
    "log_moderation_last_bytes": 2_000.0,
    "log_recommendation_last_bytes": 8_000.0,
    "log_engagement_event_bytes": 250.0,
}


def round_profile(**changes: float) -> Profile:
    """Every measured figure round, every key of Redis a kilobyte a video; `changes` on top."""
    missing = [name for name, each in FIGURES.items() if each.assumed is None and name not in ROUND]
    values = {**ROUND, **dict.fromkeys(missing, 1_000.0)}
    figures = {
        name: Quantity(value=value, unit=FIGURES[name].unit, origin="measured", source="a test")
        for name, value in values.items()
    }
    profile = complete(Profile(name="round", figures=figures, video_cpu_seconds=(0.5, 1.0, 1.5)))
    return profile.with_options(changes)
