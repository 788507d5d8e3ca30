"""Waits at the start for a broker that has our topics; Faust itself would give up at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.config.settings import Settings
from streams.kafka.clients import client_configuration, require_no_refusal
from streams.kafka.refusals import Refusals
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock
from streams.observability import metrics

_ASK_SECONDS = 5.0

_log = structlog.get_logger(__name__)


async def await_topics(settings: Settings, topics: Iterable[str], clock: Clock) -> None:
    """Return when a broker answers and has every topic; retries forever.

    Raises:
        BrokerRefuses: a broker rejects the client, or fails the certificate check.
    """
    wanted = list(topics)
    refusals = Refusals()
    admin = AdminClient(client_configuration(settings, refusals))
    for delay_seconds in Backoff(first_seconds=0.25, limit_seconds=5.0).delays():
        problem = await asyncio.to_thread(_missing, admin, wanted)
        if problem is None:
            return
        require_no_refusal(settings, admin, refusals)
        metrics.RETRIES.labels("broker").inc()
        servers = settings.kafka_bootstrap_servers
        _log.warning("broker unavailable; waiting", broker=servers, problem=problem, said=refusals.last)
        await clock.sleep(delay_seconds)


def _missing(admin: AdminClient, topics: list[str]) -> str | None:
    for topic in topics:
        try:
            found = admin.list_topics(topic, timeout=_ASK_SECONDS).topics[topic]
        except KafkaException as error:
            return f"no answer: {error.args[0].str()}"
        if found.error is not None and found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return f"we may not see topic {topic}; `vidsignal access kafka` prints what a role has to be allowed"
        if found.error is not None or not found.partitions:
            return f"topic {topic} does not exist; `vidsignal topics create` makes it"
    return None
