"""Which topic a name stands for, as the broker says: its id and its number of partitions."""

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
    """What the broker says of a topic."""

    topic_id: str | None = None
    """Kafka's own; None where topics have none."""
    num_partitions: int | None = None
    """None where nobody was asked."""


class TopicIds(Protocol):
    """Says which topic a name stands for at present."""

    async def of(self, topic: str, generation: int) -> TopicFacts:
        """What the broker says of a topic; asked again in each generation of the consumer group."""


class NoTopicIds:
    """Knows no ids: topics of one name are taken for one."""

    async def of(self, topic: str, generation: int) -> TopicFacts:
        """See `TopicIds`."""
        del topic, generation
        return TopicFacts()


class BrokersTopicIds:
    """Asks the broker, once in each generation of the group: a topic that is created again begins a new one.

    Args:
        settings: where the broker is.
        clock: for waits between tries.
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
    """What the broker says of a topic. Blocks.

    Raises:
        KafkaException, TimeoutError: no broker tells it.
    """
    admin = AdminClient(client_configuration(settings))
    if settings.is_broker_embedded:
        # It has no controller, which librdkafka would wait for, and its topics live as long as it does.
        return TopicFacts(None, len(admin.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic].partitions) or None)
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=REQUEST_SECONDS)
    found = described[topic].result(2 * REQUEST_SECONDS)
    return TopicFacts(None if found.topic_id is None else str(found.topic_id), len(found.partitions))
