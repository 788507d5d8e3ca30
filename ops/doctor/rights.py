"""Whether the user may write what its roles publish; Kafka reports it without a record being written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from ops.access.roles import ACCESS
from ops.doctor.check_context import ANSWER_SECONDS, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, ok, wrong
from schemas.topics import Topic
from streams.config.settings import Role, Settings

_WRITES: Final = {access.name: access.writes for access in ACCESS}


def examine(context: CheckContext) -> Iterator[Finding]:
    """Yield one finding for each configured role."""
    if not is_there(context.broker):
        yield not_checked("rights", "the broker does not answer")
    elif context.settings.kafka_security_protocol == "PLAINTEXT":
        yield not_checked("rights", "the broker accepts all users and rejects none")
    else:
        for role in context.settings.roles:
            yield _role(context.broker.result(), context.settings, role)


def _role(admin: AdminClient, settings: Settings, role: Role) -> Finding:
    refused = [topic.name for topic in _WRITES[role] if not _may_write(admin, settings, topic)]
    if refused:
        return wrong(
            role,
            f"our user may not write to {', '.join(refused)}",
            means=f"a worker with the role {role} and this user takes events and publishes nothing of them",
            do=f"run what `vidsignal access kafka --role {role}` prints, or look with the worker's own user",
        )
    return ok(role, f"our user may write to {', '.join(topic.name for topic in _WRITES[role])}")


def _may_write(admin: AdminClient, settings: Settings, topic: Topic) -> bool:
    name = settings.topic_prefix + topic.name
    asked = admin.describe_topics(
        TopicCollection([name]), include_authorized_operations=True, request_timeout=ANSWER_SECONDS
    )
    try:
        allowed = asked[name].result(ANSWER_SECONDS).authorized_operations
    except KafkaException:  # a user that may not describe it may not write to it; a missing topic has its own check
        return False
    return allowed is None or AclOperation.WRITE in allowed
