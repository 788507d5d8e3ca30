"""The consumer groups of the roles: may we join, does anybody work, how far behind are they?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from ops.doctor.offsets import earliest_offsets, latest_offsets, num_members
from ops.doctor.world import ANSWER_SECONDS, World, is_there
from schemas.topics import BACKFILL, ENGAGEMENT, SIGNALS, UPLOADED, Topic
from streams.apps import group_of
from streams.group_offsets import committed_offsets
from streams.settings import Role, Settings

TOPIC_OF_ROLE: Final[dict[Role, Topic]] = {
    "intake": UPLOADED,
    "media": UPLOADED,
    "backfill": BACKFILL,
    "verdict": SIGNALS,
    "engagement": ENGAGEMENT,
}

_REFUSALS: Final = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)


def examine(world: World) -> Iterator[Finding]:
    """One finding for each role that the settings name."""
    if not is_there(world.broker):
        yield not_checked("groups", "the broker does not answer")
        return
    if world.settings.is_broker_embedded:
        yield not_checked("groups", "the embedded broker has no administration of groups")
        return
    for role in world.settings.roles:
        yield _role(world.broker.result(), world.settings, role)


def _role(admin: AdminClient, settings: Settings, role: Role) -> Finding:
    topic, group = settings.topic_prefix + TOPIC_OF_ROLE[role].name, group_of(settings, role)
    try:
        return _progress(admin, settings, topic, group, role)
    except KafkaException as error:
        if error.args[0].code() not in _REFUSALS:
            return not_checked(group, f"the broker said: {error.args[0].str()}")
    return wrong(
        group,
        f"Kafka does not let our user join it, or see {topic}",
        means=f"a worker with the role {role} and this user stops at its start",
        do=f"run what `vidsignal access kafka --role {role}` prints, or look with the worker's own user",
    )


def _progress(admin: AdminClient, settings: Settings, topic: str, group: str, role: Role) -> Finding:
    members = num_members(admin, group)  # first, for its refusal is told at once, and that of offsets is not
    listed = admin.list_topics(timeout=ANSWER_SECONDS).topics
    if topic not in listed:
        return not_checked(group, f"topic {topic} does not exist")
    places = [TopicPartition(topic, number) for number in listed[topic].partitions]
    committed = committed_offsets(settings, group, places, timeout_seconds=ANSWER_SECONDS)
    ends, starts = latest_offsets(admin, places), earliest_offsets(admin, places)
    lost = sum(max(0, starts[part] - offset) for part, offset in committed.items() if offset is not None)
    lag = sum(max(0, end - _next(committed.get(part), starts[part])) for part, end in ends.items())
    if lost:
        return wrong(
            group,
            f"{lost} records left the topic before the group read them",
            means="their videos get no answer from this role",
            do="publish their uploads once more, and add workers or retention",
        )
    return _judge(group, role, lag, members)


def _next(committed: int | None, start: int) -> int:
    return start if committed is None else max(committed, start)


def _judge(group: str, role: Role, lag: int, members: int) -> Finding:
    if lag and not members:
        return warning(
            group,
            f"{lag} records wait and nobody works on them",
            means=f"what the role {role} does stands still",
            do=f"vidsignal worker --roles {role}",
        )
    return ok(group, f"{members} member{'s' * (members != 1)}, {lag} records behind")
