"""The topics: their writers, keys and retention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from schemas.dead_letters import MAX_DEAD_LETTER_BYTES, DeadLetter
from schemas.engagement import EngagementEvent
from schemas.facts import Fact
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.uploads import MAX_UPLOAD_BYTES, DeletionRequested, VideoUploaded

_DAY_SECONDS = 86_400
_HEADER_ROOM_BYTES = 64 * 1024
"""A record that is passed on keeps its bytes and gets additional headers."""
MAX_COMPACTION_LAG_SECONDS = _DAY_SECONDS
"""After about this time, tombstones have removed older records from the broker's disk."""
MAX_SEGMENT_SECONDS = _DAY_SECONDS
"""Kafka deletes whole segments: a record stays at most this much longer than its topic's retention."""

_ENGAGEMENT_BATCH_BYTES = 1024 * 1024
"""Kafka applies a topic's limit to whole batches, and clients send many small events in one."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic's contract. Keys are video ids in UTF-8, partitioned by murmur2."""

    name: str
    payload: Any
    """Type of the values: a struct or a union of structs."""
    written_by: str
    says: str
    cleanup: Literal["delete", "compact", "compact,delete"]
    retention_seconds: int | None
    """None if the newest value of a key is kept forever."""
    max_message_bytes: int
    is_stamped_by_broker: bool = False
    """Whether records have the broker's time, whatever their producer sets: for topics whose deadlines, ids and
    retention depend on it and that foreign clocks write to."""

    def configuration(self) -> dict[str, str]:
        """Settings for the broker's CreateTopics call."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_seconds is not None:
            settings["retention.ms"] = str(self.retention_seconds * 1000)
            settings["segment.ms"] = str(min(self.retention_seconds, MAX_SEGMENT_SECONDS) * 1000)
        if self.is_stamped_by_broker:
            settings["message.timestamp.type"] = "LogAppendTime"
        if "compact" in self.cleanup:
            settings["max.compaction.lag.ms"] = str(MAX_COMPACTION_LAG_SECONDS * 1000)
        return settings


UPLOADED: Final = Topic(
    "video.uploaded",
    VideoUploaded | DeletionRequested,
    "producers",
    "an upload, a new revision or a deletion of a video",
    "delete",
    7 * _DAY_SECONDS,
    MAX_UPLOAD_BYTES,
    is_stamped_by_broker=True,
)
BACKFILL: Final = Topic(
    "video.backfill",
    VideoUploaded,
    "the intake and media roles, and operators (`vidsignal reprocess`)",
    "an upload with backfill priority, or beyond its creator's share, with its original bytes and headers",
    "delete",
    7 * _DAY_SECONDS,
    MAX_UPLOAD_BYTES + _HEADER_ROOM_BYTES,
)
SIGNALS: Final = Topic(
    "video.signals",
    Fact,
    "the intake, media, backfill, engagement and verdict roles, reviewers, and `vidsignal policy apply`",
    "the log of facts of each video",
    "delete",
    14 * _DAY_SECONDS,
    MAX_UPLOAD_BYTES,
)
MODERATION: Final = Topic(
    "video.moderation",
    Verdict,
    "the verdict role only",
    "the current verdict with evidence",
    "compact",
    None,
    MAX_UPLOAD_BYTES,
)
RECOMMENDATION: Final = Topic(
    "video.recommendation",
    RecommendationRecord,
    "the verdict role only",
    "the current feature record",
    "compact",
    None,
    MAX_UPLOAD_BYTES,
)
ENGAGEMENT: Final = Topic(
    "video.engagement",
    EngagementEvent,
    "clients",
    "one act of one viewer",
    "delete",
    7 * _DAY_SECONDS,
    _ENGAGEMENT_BATCH_BYTES,
    is_stamped_by_broker=True,
)
DEAD_LETTER: Final = Topic(
    "video.dead-letter",
    DeadLetter,
    "the intake, media, backfill and engagement roles; withdrawn by the verdict role",
    "an event we will not retry, with its original bytes and headers; key: its source's key, `#`, its own id",
    "compact,delete",
    28 * _DAY_SECONDS,
    MAX_DEAD_LETTER_BYTES,
)

TOPICS: Final[tuple[Topic, ...]] = (
    UPLOADED,
    BACKFILL,
    SIGNALS,
    MODERATION,
    RECOMMENDATION,
    ENGAGEMENT,
    DEAD_LETTER,
)
