"""Retention: topics are created and checked with what the settings say, and times that do not fit are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.topics import TOPICS, Topic
from schemas.uploads import MAX_DEADLINE_SECONDS
from streams.config.retention import kept_topics
from streams.config.settings import InvalidSettings, read_settings

DAY_SECONDS = 86_400


@pytest.fixture(autouse=True)
def _no_file_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


class TestTopics:
    def test_defaults_are_the_contract(self) -> None:
        """Without settings, topics are kept as `schemas.topics` says, and README and contracts with it."""
        assert kept_topics(read_settings()) == TOPICS

    @pytest.mark.parametrize(
        "topic", [topic for topic in TOPICS if topic.retention_seconds], ids=lambda topic: topic.name
    )
    def test_every_topic_that_expires_has_a_setting(self, topic: object) -> None:
        """Another time in the settings is another time for the broker, for each topic that is not kept for ever."""
        longer = {
            name: 30 * DAY_SECONDS for name in read_settings().__struct_fields__ if name.startswith("topic_retention_")
        }
        kept = kept_topics(read_settings(**longer, claim_ttl_seconds=30 * DAY_SECONDS))
        [found] = [each for each in kept if each.name == topic.name]  # type: ignore[attr-defined]
        assert found.configuration()["retention.ms"] == str(30 * DAY_SECONDS * 1000)

    @pytest.mark.parametrize(
        "topic", [topic for topic in TOPICS if topic.retention_seconds], ids=lambda topic: topic.name
    )
    def test_segments_end_within_a_day(self, topic: Topic) -> None:
        """Kafka deletes whole segments: with its default of a week, seven days could be fourteen."""
        assert topic.configuration()["segment.ms"] == str(DAY_SECONDS * 1000)
        assert replace(topic, retention_seconds=3_600).configuration()["segment.ms"] == str(3_600 * 1000)

    def test_compacted_topics_are_kept_for_ever(self) -> None:
        """What is current does not expire."""
        kept = [topic.name for topic in kept_topics(read_settings()) if "retention.ms" not in topic.configuration()]
        assert kept == ["video.moderation", "video.recommendation"]

    def test_videos_that_end_leave_the_compacted_topics_too(self) -> None:
        """Both are still compacted, and what nobody writes any more is dropped by its age."""
        kept = {topic.name: topic for topic in kept_topics(read_settings(video_retention_seconds=14 * DAY_SECONDS))}
        for name in ("video.moderation", "video.recommendation"):
            found = kept[name].configuration()
            assert (found["cleanup.policy"], found["retention.ms"]) == ("compact,delete", str(14 * DAY_SECONDS * 1000))
            assert found["segment.ms"] == str(DAY_SECONDS * 1000)


class TestRefused:
    @pytest.mark.parametrize(
        ("changed", "quoted"),
        [
            (
                {"topic_retention_signals_seconds": int(MAX_DEADLINE_SECONDS)},
                ("topic_retention_signals_seconds is 604800", "deadline of an upload, in seconds, is 604800", "longer"),
            ),
            (
                {"topic_retention_signals_seconds": 3 * DAY_SECONDS},
                ("topic_retention_signals_seconds", "259200", "expected int >= 604800"),
            ),
            (
                {"topic_retention_dead_letter_seconds": 36 * DAY_SECONDS},
                ("deletion_marker_ttl_seconds is 3024000", "topic_retention_dead_letter_seconds is 3110400", "deleted"),
            ),
            (
                {"topic_retention_signals_seconds": 16 * DAY_SECONDS},
                ("claim_ttl_seconds is 1296000", "topic_retention_signals_seconds is 1382400", "claimed"),
            ),
            (
                {"topic_retention_uploaded_seconds": 16 * DAY_SECONDS},
                ("claim_ttl_seconds is 1296000", "topic_retention_uploaded_seconds is 1382400", "claimed"),
            ),
            (
                {"topic_retention_uploaded_seconds": DAY_SECONDS - 1},
                ("topic_retention_uploaded_seconds is 86399", "source_outage_timeout_seconds is 86400", "origin"),
            ),
            (
                {"video_retention_seconds": 13 * DAY_SECONDS},
                ("video_retention_seconds is 1123200", "topic_retention_signals_seconds is 1209600", "find the video"),
            ),
            (
                {"video_retention_seconds": 15 * DAY_SECONDS, "topic_retention_uploaded_seconds": 16 * DAY_SECONDS},
                ("video_retention_seconds is 1296000", "topic_retention_uploaded_seconds is 1382400", "deletion"),
            ),
            (
                {"engagement_retention_seconds": DAY_SECONDS},
                ("engagement_retention_seconds is 86400", "topic_retention_engagement_seconds is 604800", "outlive"),
            ),
        ],
    )
    def test_times_that_do_not_fit(self, changed: dict[str, int], quoted: tuple[str, ...]) -> None:
        """The message quotes both values and says why; a worker would end with it before anything opens."""
        with pytest.raises(InvalidSettings) as refused:
            read_settings(**changed)
        assert [words for words in quoted if words not in str(refused.value)] == []

    def test_the_least_that_fits(self) -> None:
        """Equal times are enough, but for the log and the longest deadline."""
        found = read_settings(
            topic_retention_signals_seconds=int(MAX_DEADLINE_SECONDS) + 1,
            topic_retention_uploaded_seconds=DAY_SECONDS,
            topic_retention_dead_letter_seconds=DAY_SECONDS,
            claim_ttl_seconds=int(MAX_DEADLINE_SECONDS) + 1,
            video_retention_seconds=int(MAX_DEADLINE_SECONDS) + 1,
            deletion_marker_ttl_seconds=int(MAX_DEADLINE_SECONDS) + 1,
            engagement_retention_seconds=7 * DAY_SECONDS,
        )
        assert found.topic_retention_uploaded_seconds == found.topic_retention_dead_letter_seconds == DAY_SECONDS
        with pytest.raises(InvalidSettings, match="topic_retention_signals_seconds"):
            read_settings(topic_retention_signals_seconds=int(MAX_DEADLINE_SECONDS))
