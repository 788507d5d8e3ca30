"""Engagement: events from clients, and their totals per video."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.identity import Seconds, UnixSeconds, VideoId

EngagementKind = Literal[
    "impression", "view", "completion", "like", "comment", "share", "skip", "report", "not-interested"
]
ENGAGEMENT_KINDS: tuple[EngagementKind, ...] = (
    "impression",
    "view",
    "completion",
    "like",
    "comment",
    "share",
    "skip",
    "report",
    "not-interested",
)  # fmt: skip
"""In the order of a viewer's actions."""

EngagementWindow = Literal["1h", "1d", "1w"]
ENGAGEMENT_WINDOWS: dict[EngagementWindow, float] = {"1h": 3_600.0, "1d": 86_400.0, "1w": 604_800.0}
"""Time in seconds after which an event weighs 1/e in the window of that name."""

MAX_ENGAGEMENT_BYTES = 64 * 1024
"""Largest engagement event."""


class EngagementEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of one person on one video."""

    event_id: Annotated[str, Meta(min_length=1, max_length=128)]
    """Unique to the action: the same id sent again counts once within the stated window."""
    video_id: VideoId
    kind: EngagementKind
    event_unix_seconds: UnixSeconds
    """When it happened, by the client's clock, corrected by the platform."""
    watch_seconds: Seconds | None = None
    """Of a view or a completion: how long it was watched."""


class Engagement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Totals of a video's events at one time."""

    counts: dict[EngagementKind, Annotated[int, Meta(ge=0)]] = {}
    """Since the upload; kinds without events are left out."""
    watch_seconds: Seconds = 0.0
    """Since the upload."""
    windows: dict[EngagementWindow, dict[EngagementKind, float]] = {}
    """Exponentially decayed counts as of `as_of_unix_seconds`; multiply by exp(-age / window) to read them later."""
    rates: dict[str, float] = {}
    """Ratios with a prior, so that a few views do not give a high value; `streams.engagement` defines them."""
    as_of_unix_seconds: UnixSeconds
    """The latest event time that is included."""
