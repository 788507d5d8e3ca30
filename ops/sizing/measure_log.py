"""Size of a video in Kafka: keys, values and headers of its records, before compression."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from schemas.topics import ENGAGEMENT, MODERATION, RECOMMENDATION, SIGNALS, UPLOADED, Topic
from streams.config.settings import Settings
from streams.kafka.clients import StoredRecord, read_to_end

_RECORD_FRAME_BYTES = 20
"""Lengths, deltas and attributes of a record of format 2, approximately."""


def log_figures(settings: Settings, prefix: str) -> dict[str, float]:
    """Return bytes per video on each topic, over the videos whose ids begin with `prefix`, and of an engagement
    event."""
    found: dict[str, float] = {}
    for topic in (UPLOADED, SIGNALS, MODERATION, RECOMMENDATION):
        records = _by_video(settings, topic, prefix)
        word = topic.name.removeprefix("video.")
        found[f"log_{word}_bytes_per_video"] = mean(sum(map(_bytes, each)) for each in records.values())
        if topic.cleanup == "compact":
            found[f"log_{word}_last_bytes"] = mean(_bytes(each[-1]) for each in records.values())
    events = list(read_to_end(settings, [settings.topic_prefix + ENGAGEMENT.name]))
    return {**found, "log_engagement_event_bytes": mean(map(_bytes, events))}


def _by_video(settings: Settings, topic: Topic, prefix: str) -> dict[bytes, Sequence[StoredRecord]]:
    found: dict[bytes, list[StoredRecord]] = {}
    for record in read_to_end(settings, [settings.topic_prefix + topic.name]):
        if record.key is not None and record.key.startswith(prefix.encode()) and not _is_engagement(record):
            found.setdefault(record.key, []).append(record)
    return dict(found)


def _is_engagement(record: StoredRecord) -> bool:
    """Return whether it is a summary; the number of summaries is a separate assumption."""
    return ("ce_type", b"video.engagement-summary.v1") in record.headers


def _bytes(record: StoredRecord) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return _RECORD_FRAME_BYTES + len(record.key or b"") + len(record.value or b"") + headers
