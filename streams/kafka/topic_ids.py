"""The broker's id and number of partitions of a topic."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.config.settings import Settings
from streams.kafka.clients import REQUEST_SECONDS, client_configuration
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the broker reports of a topic."""

    topic_id: str | None = None
    """Kafka's topic id; None if topics have none."""
    num_partitions: int | None = None
    """None if it was not read."""


class TopicIds(Protocol):
    """Returns the current topic of a name."""

    async def of(self, topic: str, generation: int) -> TopicFacts:
        """Return what the broker reports of a topic; read again in each generation of the consumer group."""


class NoTopicIds:
    """Knows no ids: topics of one name are treated as one."""

    async def of(self, topic: str, generation: int) -> TopicFacts:
        """See `TopicIds`."""
        del topic, generation
        return TopicFacts()


class BrokersTopicIds:
    """Asks the broker, once in each generation of the group: a topic that is created again starts a new one.

    Args:
        settings: address of the broker.
        clock: for waits between attempts.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._known: tuple[str, int, TopicFacts] | None = None
        self._asking = asyncio.Lock()

    async def of(self, topic: str, generation: int) -> TopicFacts:
        """See `TopicIds`. Waits while no broker answers."""
        async with self._asking:
            if self._known is None or self._known[:2] != (topic, generation):
                self._known = (topic, generation, await self._ask(topic))
            return self._known[2]

    async def _ask(self, topic: str) -> TopicFacts:
        for delay_seconds in Backoff().delays():
            try:
                return await asyncio.to_thread(topic_facts, self._settings, topic)
            except (KafkaException, TimeoutError) as error:
                _log.warning("topic id unknown; retrying", topic=topic, error=str(error))
            await self._clock.sleep(delay_seconds)
        raise AssertionError("delays never end")


def topic_facts(settings: Settings, topic: str) -> TopicFacts:
    """Return what the broker reports of a topic. Blocks.

    Raises:
        KafkaException, TimeoutError: no broker reports it.
    """
    admin = AdminClient(client_configuration(settings))
    if settings.is_broker_embedded:
        # The embedded broker has no controller, which librdkafka would wait for, and its topics live as long as it
        # does.
        return TopicFacts(None, len(admin.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic].partitions) or None)
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=REQUEST_SECONDS)
    found = described[topic].result(2 * REQUEST_SECONDS)
    return TopicFacts(None if found.topic_id is None else str(found.topic_id), len(found.partitions))
