"""Access control lists of Kafka, derived from the table of roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ops.access.roles import RoleAccess
from schemas.topics import TOPICS, Topic
from streams.config.settings import Settings

Operation = Literal["Read", "Write", "Describe", "Create", "DescribeConfigs", "AlterConfigs"]


class KafkaAcl(Struct, frozen=True, kw_only=True):
    """One permission; in Kafka, Read and Write imply Describe."""

    principal: str
    operation: Operation
    resource_type: Literal["topic", "group"]
    name: str
    pattern_type: Literal["literal", "prefixed"] = "literal"

    def command(self, bootstrap_servers: str) -> str:
        """Return the line of Kafka's own tool that adds it; `admin.properties` is the administrator's."""
        where = f"--bootstrap-server {bootstrap_servers} --command-config admin.properties"
        what = f"--operation {self.operation} --{self.resource_type} {self.name}"
        return (
            f"kafka-acls.sh {where} --add --allow-principal {self.principal} {what} "
            f"--resource-pattern-type {self.pattern_type}"
        )


def user_of(settings: Settings, role: RoleAccess) -> str:
    """Return the name of a role's user, the same on Kafka and in Redis."""
    return f"{settings.topic_prefix}vidsignal-{role.name}"


def kafka_acls(settings: Settings, role: RoleAccess) -> list[KafkaAcl]:
    """Return every permission that a role needs."""
    return list(dict.fromkeys((*_topic_acls(settings, role), *_group_acls(settings, role))))


def _topic_acls(settings: Settings, role: RoleAccess) -> Iterator[KafkaAcl]:
    operations: tuple[tuple[Operation, tuple[Topic, ...]], ...] = (
        ("Read", role.reads),
        ("Write", role.writes),
        ("Describe", TOPICS if role.is_worker or role.administers else ()),
        ("Create", TOPICS if role.administers else ()),
        ("DescribeConfigs", TOPICS if role.administers else ()),
        ("AlterConfigs", TOPICS if role.administers else ()),
    )
    for operation, topics in operations:
        for topic in topics:
            if operation == "Describe" and topic in (*role.reads, *role.writes):
                continue
            name = settings.topic_prefix + topic.name
            yield KafkaAcl(principal=_principal(settings, role), operation=operation, resource_type="topic", name=name)


def _group_acls(settings: Settings, role: RoleAccess) -> Iterator[KafkaAcl]:
    # A worker's user is named like its group: both come from the role's name, see `streams.consumer.role_app.group_of`.
    names = (*((user_of(settings, role),) if role.is_worker else ()), *role.groups)
    for name in names:
        yield KafkaAcl(principal=_principal(settings, role), operation="Read", resource_type="group", name=name)
    for prefix in role.group_prefixes:
        yield KafkaAcl(
            principal=_principal(settings, role),
            operation="Read",
            resource_type="group",
            name=settings.topic_prefix + prefix,
            pattern_type="prefixed",
        )


def _principal(settings: Settings, role: RoleAccess) -> str:
    return f"User:{user_of(settings, role)}"
