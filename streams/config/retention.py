"""Retention of each topic, and the order between retention times; settings that contradict it are refused at start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from schemas.topics import (
    BACKFILL,
    DEAD_LETTER,
    ENGAGEMENT,
    MODERATION,
    RECOMMENDATION,
    SIGNALS,
    TOPICS,
    UPLOADED,
    Topic,
)
from schemas.uploads import MAX_DEADLINE_SECONDS

_WORDS = {
    UPLOADED.name: "topic_retention_uploaded_seconds",
    BACKFILL.name: "topic_retention_uploaded_seconds",
    SIGNALS.name: "topic_retention_signals_seconds",
    ENGAGEMENT.name: "topic_retention_engagement_seconds",
    DEAD_LETTER.name: "topic_retention_dead_letter_seconds",
}
"""Setting of each topic with limited retention; what waits for idle workers is kept as long as the upload itself."""
_OUTCOMES = frozenset({MODERATION.name, RECOMMENDATION.name})

_LONGEST_DEADLINE = "the longest deadline of an upload, in seconds,"


class RetentionSettings(Protocol):
    """Settings, each read by the name in a table of this module; see `streams.config.settings.Settings`."""

    @property
    def video_retention_seconds(self) -> int:
        """Retention of a video after its last outcome, in seconds; 0 is unlimited."""


def kept_topics(settings: RetentionSettings) -> tuple[Topic, ...]:
    """Return all topics with the retention that the settings define."""
    return tuple(_kept(topic, settings) for topic in TOPICS)


def _kept(topic: Topic, settings: RetentionSettings) -> Topic:
    if topic.name in _WORDS:
        return replace(topic, retention_seconds=getattr(settings, _WORDS[topic.name]))
    if topic.name in _OUTCOMES and settings.video_retention_seconds:
        return replace(topic, cleanup="compact,delete", retention_seconds=settings.video_retention_seconds)
    return topic


@dataclass(frozen=True, slots=True)
class _RetentionBound:
    """A setting, the setting that is its lower bound, and the reason."""

    word: str
    least_word: str
    why: str
    is_equal_enough: bool = True
    is_endless_at_zero: bool = False


_BOUNDS = (
    _RetentionBound(
        "topic_retention_signals_seconds",
        _LONGEST_DEADLINE,
        "a deadline is decided from facts that the log still holds",
        is_equal_enough=False,
    ),
    _RetentionBound(
        "topic_retention_uploaded_seconds",
        "source_outage_timeout_seconds",
        "an upload that waits for its origin keeps its place in the topic",
    ),
    *(
        _RetentionBound(
            "deletion_marker_ttl_seconds", word, "a record that comes late must find that its video was deleted"
        )
        for word in dict.fromkeys(_WORDS.values())
    ),
    *(
        _RetentionBound(
            "claim_ttl_seconds", _WORDS[topic.name], "a redelivered record must find what was claimed for it"
        )
        for topic in (UPLOADED, SIGNALS)
    ),
    _RetentionBound(
        "video_retention_seconds",
        "topic_retention_signals_seconds",
        "what the log still tells of a video must find the video",
        is_endless_at_zero=True,
    ),
    _RetentionBound(
        "video_retention_seconds",
        "topic_retention_uploaded_seconds",
        "an upload that comes late must find that it came before a deletion",
        is_endless_at_zero=True,
    ),
    _RetentionBound(
        "engagement_retention_seconds",
        "topic_retention_engagement_seconds",
        "counts must outlive the events that are in them",
    ),
)


def retention_problems(settings: RetentionSettings) -> list[str]:
    """Return one line for each violated bound, with both values and the reason."""
    return [
        f"{bound.word} is {_seconds(settings, bound.word):.10g} and {bound.least_word} is"
        f" {_seconds(settings, bound.least_word):.10g}; the first must be"
        f" {'at least as long' if bound.is_equal_enough else 'longer'}: {bound.why}"
        for bound in _BOUNDS
        if not _holds(settings, bound)
    ]


def _holds(settings: RetentionSettings, bound: _RetentionBound) -> bool:
    found, least = _seconds(settings, bound.word), _seconds(settings, bound.least_word)
    if bound.is_endless_at_zero and found == 0:
        return True
    return found >= least if bound.is_equal_enough else found > least


def _seconds(settings: RetentionSettings, word: str) -> float:
    return MAX_DEADLINE_SECONDS if word == _LONGEST_DEADLINE else float(getattr(settings, word))
