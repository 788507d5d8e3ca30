"""Creates the topics, and compares a broker's topics with their contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.topics import Topic
from streams.config.retention import kept_topics
from streams.config.settings import Settings
from streams.kafka.clients import REQUEST_SECONDS, BrokerUnavailable, require_broker

_CREATE_SECONDS = 60.0
"""A busy broker needs time for many partitions."""


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """State of one topic, and its problems (none if `problems` is empty)."""

    topic: str
    partitions: int
    problems: tuple[str, ...]


def create_topics(settings: Settings, *, partitions: int, replication: int) -> dict[str, str]:
    """Create missing topics; return `created` or `exists` per topic.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaException: the broker refused, with its reason.
    """
    admin = require_broker(settings)
    wanted = [_new_topic(settings, topic, partitions, replication) for topic in kept_topics(settings)]
    existing = set(admin.list_topics(timeout=REQUEST_SECONDS).topics)
    missing = [topic for topic in wanted if topic.topic not in existing]
    if missing:
        timeout_seconds = _CREATE_SECONDS + REQUEST_SECONDS
        created = admin.create_topics(missing, operation_timeout=_CREATE_SECONDS, request_timeout=timeout_seconds)
        for future in created.values():
            future.result(timeout_seconds)
    return {topic.topic: "exists" if topic.topic in existing else "created" for topic in wanted}


def update_topics(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Apply the contract's settings to every existing topic; return what was changed, by topic.

    Nothing else of a topic changes: neither its partitions nor settings that the contract does not name.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaException: the broker refused, with its reason.
    """
    admin = require_broker(settings)
    counts = _partition_counts(admin)
    changed: dict[str, tuple[str, ...]] = {}
    for topic in kept_topics(settings):
        name = settings.topic_prefix + topic.name
        if name in counts and (differing := _differing(topic, _settings_of(admin, name))):
            _alter(admin, name, topic, differing)
            changed[name] = differing
    return changed


def stamps_of(settings: Settings, topic: Topic) -> str | None:
    """Return the broker's `message.timestamp.type` of a topic; None if it may not be read. Blocks."""
    try:
        admin = require_broker(settings)
        return str(_settings_of(admin, settings.topic_prefix + topic.name)["message.timestamp.type"].value)
    except (BrokerUnavailable, KafkaException, KeyError):
        return None


def _alter(admin: AdminClient, name: str, topic: Topic, differing: tuple[str, ...]) -> None:
    wanted = topic.configuration()
    entries = [ConfigEntry(key, wanted[key], incremental_operation=AlterConfigOpType.SET) for key in differing]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    try:
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(_CREATE_SECONDS)
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"the broker does not confirm settings of {name} within {_CREATE_SECONDS:g} s"
        ) from error


def _differing(topic: Topic, found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key for key, value in topic.configuration().items() if _value(found, key) != value)


def _value(found: Mapping[str, Any], key: str) -> str | None:
    """Return a setting's value; None if the broker does not have it, such as one of another vendor."""
    return str(found[key].value) if key in found else None


def _settings_of(admin: AdminClient, name: str) -> Mapping[str, Any]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    try:
        found: Mapping[str, Any] = admin.describe_configs([resource])[resource].result(REQUEST_SECONDS)
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"the broker does not tell its topics' settings within {REQUEST_SECONDS:g} s"
        ) from error
    return found


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=REQUEST_SECONDS).topics.items()}


def check_topics(settings: Settings) -> list[TopicFinding]:
    """Compare every topic with its contract. Raises BrokerUnavailable."""
    admin = require_broker(settings)
    counts = _partition_counts(admin)
    findings = [_check(admin, settings.topic_prefix + topic.name, topic, counts) for topic in kept_topics(settings)]
    return _with_copartitioning(findings)


def _new_topic(settings: Settings, topic: Topic, partitions: int, replication: int) -> NewTopic:
    return NewTopic(
        settings.topic_prefix + topic.name,
        num_partitions=partitions,
        replication_factor=replication,
        config=topic.configuration(),
    )


def _check(admin: AdminClient, name: str, topic: Topic, counts: dict[str, int]) -> TopicFinding:
    if name not in counts:
        return TopicFinding(name, 0, ("missing: run `vidsignal topics create`",))
    try:
        found = _settings_of(admin, name)
    except KafkaException as error:
        return TopicFinding(name, counts[name], (f"settings cannot be read: {error}",))
    wanted = topic.configuration()
    problems = tuple(
        f"{key} is {_value(found, key) or 'unknown'}, contract says {wanted[key]}" for key in _differing(topic, found)
    )
    return TopicFinding(name, counts[name], problems)


def _with_copartitioning(findings: list[TopicFinding]) -> list[TopicFinding]:
    counts = {finding.partitions for finding in findings if finding.partitions}
    if len(counts) <= 1:
        return findings
    problem = f"partition counts differ over the topics ({sorted(counts)}); one video must keep one partition number"
    return [TopicFinding(item.topic, item.partitions, (*item.problems, problem)) for item in findings]
