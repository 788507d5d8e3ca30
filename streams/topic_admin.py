"""Creating the topics, and telling where a broker's topics differ from their contract."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from schemas.topics import Topic
from streams.kafka_clients import REQUEST_SECONDS, BrokerAway, require_broker
from streams.retention import kept_topics
from streams.settings import Settings

_CREATE_SECONDS = 60.0
"""A broker that is busy takes its time for many partitions."""


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """One topic's state, and what is wrong with it (nothing where `problems` is empty)."""

    topic: str
    partitions: int
    problems: tuple[str, ...]


def create_topics(settings: Settings, *, partitions: int, replication: int) -> dict[str, str]:
    """Create what is missing; return `created` or `exists` per topic.

    Raises:
        BrokerAway: no broker answers.
        KafkaException: the broker refused, with its reason.
    """
    admin = require_broker(settings)
    wanted = [_new_topic(settings, topic, partitions, replication) for topic in kept_topics(settings)]
    existing = set(admin.list_topics(timeout=REQUEST_SECONDS).topics)
    missing = [topic for topic in wanted if topic.topic not in existing]
    if missing:
        patience_seconds = _CREATE_SECONDS + REQUEST_SECONDS
        created = admin.create_topics(missing, operation_timeout=_CREATE_SECONDS, request_timeout=patience_seconds)
        for future in created.values():
            future.result(patience_seconds)
    return {topic.topic: "exists" if topic.topic in existing else "created" for topic in wanted}


def check_topics(settings: Settings) -> list[TopicFinding]:
    """Compare every topic with its contract. Raises BrokerAway."""
    admin = require_broker(settings)
    counts = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=REQUEST_SECONDS).topics.items()}
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
    resource = ConfigResource(ResourceType.TOPIC, name)
    try:
        found = admin.describe_configs([resource])[resource].result(REQUEST_SECONDS)
    except TimeoutError as error:
        raise BrokerAway(f"the broker does not tell its topics' settings within {REQUEST_SECONDS:g} s") from error
    except KafkaException as error:
        return TopicFinding(name, counts[name], (f"settings cannot be read: {error}",))
    wanted = topic.configuration()
    differing = tuple(
        f"{setting} is {found[setting].value}, contract says {value}"
        for setting, value in wanted.items()
        if found[setting].value != value
    )
    return TopicFinding(name, counts[name], differing)


def _with_copartitioning(findings: list[TopicFinding]) -> list[TopicFinding]:
    counts = {finding.partitions for finding in findings if finding.partitions}
    if len(counts) <= 1:
        return findings
    problem = f"partition counts differ over the topics ({sorted(counts)}); one video must keep one partition number"
    return [TopicFinding(item.topic, item.partitions, (*item.problems, problem)) for item in findings]
