"""Checks a role's rights before it joins its group: without them the client of the Faust apps waits silently."""

from __future__ import annotations

import asyncio
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from streams.config.settings import Settings
from streams.kafka.clients import BrokerRefuses, client_configuration

_ANSWER_SECONDS: Final = 10.0
_HINT: Final = "`vidsignal access kafka` prints what a role has to be allowed"


async def require_rights(settings: Settings, topic: str, group: str) -> None:
    """Return if the user may read the topic and describe the group; a broker that does not answer is no refusal.

    A broker that accepts clients without user and certificate is not asked.

    Raises:
        BrokerRefuses: the user may not; the message names topic or group.
    """
    if settings.kafka_security_protocol != "PLAINTEXT":
        await asyncio.to_thread(_ask, AdminClient(client_configuration(settings)), topic, group)


def _ask(admin: AdminClient, topic: str, group: str) -> None:
    try:
        _require_topic(admin, topic)
        _require_group(admin, group)
    except KafkaException as error:
        if error.args[0].code() in (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED):
            raise BrokerRefuses(f"Kafka does not let us join group {group} or see topic {topic}; {_HINT}") from error


def _require_topic(admin: AdminClient, topic: str) -> None:
    asked = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=_ANSWER_SECONDS
    )
    allowed = asked[topic].result(_ANSWER_SECONDS).authorized_operations
    if allowed is not None and AclOperation.READ not in allowed:
        raise BrokerRefuses(f"Kafka does not let us read topic {topic}; {_HINT}")


def _require_group(admin: AdminClient, group: str) -> None:
    # not by its offsets: librdkafka 2.16 ends the process if the group's coordinator moves meanwhile
    asked = admin.describe_consumer_groups([group], include_authorized_operations=True, request_timeout=_ANSWER_SECONDS)
    allowed = asked[group].result(_ANSWER_SECONDS).authorized_operations
    if allowed is not None and AclOperation.READ not in allowed:
        raise BrokerRefuses(f"Kafka does not let us join group {group}; {_HINT}")
