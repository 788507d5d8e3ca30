"""The consumer groups of the roles: rights, members, lag and progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.doctor.check_context import ANSWER_SECONDS, SERVER_FAILURES, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, wrong
from ops.doctor.group_look import LOOKS_SECONDS, GroupLook, judge
from ops.doctor.offsets import earliest_offsets, latest_offsets, num_members
from schemas.topics import BACKFILL, ENGAGEMENT, SIGNALS, UPLOADED, Topic
from streams.config.settings import Role, Settings
from streams.kafka.clients import READER_GROUP, client_configuration
from streams.kafka.group_names import group_of
from streams.kafka.group_offsets import committed_offsets
from streams.store.keys import Keys

TOPIC_OF_ROLE: Final[dict[Role, Topic]] = {
    "intake": UPLOADED,
    "media": UPLOADED,
    "backfill": BACKFILL,
    "verdict": SIGNALS,
    "engagement": ENGAGEMENT,
}

_REFUSALS: Final = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)

Looks = list[GroupLook]


def examine(context: CheckContext, sleep: Callable[[float], object] = time.sleep) -> Iterator[Finding]:
    """Yield one finding for each configured role; if records wait, the group is observed again some seconds later."""
    if not is_there(context.broker):
        yield not_checked("groups", "the broker does not answer")
        return
    if context.settings.is_broker_embedded:
        yield not_checked("groups", "the embedded broker has no administration of groups")
        return
    admin, settings = context.broker.result(), context.settings
    seen = {role: _first_look(admin, settings, role) for role in settings.roles}
    for seconds in LOOKS_SECONDS:
        standing = {role: looks for role, looks in seen.items() if isinstance(looks, list) and _stands(looks)}
        if standing:
            sleep(seconds)
        for role, looks in standing.items():
            looks.append(_look(admin, settings, role))
    for role, found in seen.items():
        yield found if isinstance(found, Finding) else _judged(context, role, found)


def _stands(looks: Looks) -> bool:
    """Return whether the group should have made progress, and has not."""
    last = looks[-1]
    return bool(last.lag and last.members) and (len(looks) == 1 or not last.has_moved_since(looks[0]))


def _first_look(admin: AdminClient, settings: Settings, role: Role) -> Looks | Finding:
    topic, group = settings.topic_prefix + TOPIC_OF_ROLE[role].name, group_of(settings, role)
    try:
        return [_look(admin, settings, role)]
    except _NoTopic:
        return not_checked(group, f"topic {topic} does not exist")
    except KafkaException as error:
        if error.args[0].code() not in _REFUSALS:
            return not_checked(group, f"the broker said: {error.args[0].str()}")
    return wrong(
        group,
        f"Kafka does not let our user join it, or see {topic}",
        means=f"a worker with the role {role} and this user stops at its start",
        do=f"run what `vidsignal access kafka --role {role}` prints, or look with the worker's own user",
    )


class _NoTopic(Exception):
    pass


def _look(admin: AdminClient, settings: Settings, role: Role) -> GroupLook:
    """Observe now. Raises KafkaException, and _NoTopic."""
    topic, group = settings.topic_prefix + TOPIC_OF_ROLE[role].name, group_of(settings, role)
    members = num_members(admin, group)  # first, because its refusal is reported at once, and that of offsets is not
    listed = admin.list_topics(timeout=ANSWER_SECONDS).topics
    if topic not in listed:
        raise _NoTopic
    places = [TopicPartition(topic, number) for number in listed[topic].partitions]
    committed = committed_offsets(settings, group, places, timeout_seconds=ANSWER_SECONDS)
    return GroupLook(members, committed, earliest_offsets(admin, places), latest_offsets(admin, places))


def _judged(context: CheckContext, role: Role, looks: Looks) -> Finding:
    is_standing = len(looks) > 1 and _stands(looks)
    return judge(
        group_of(context.settings, role),
        role,
        looks,
        head_is_late=is_standing and role == "media" and _is_head_late(context.settings, role, looks[-1]),
        is_paused=is_standing and role == "backfill" and _is_paused(context),
    )


def _is_head_late(settings: Settings, role: Role, look: GroupLook) -> bool:
    """Return whether a record at the head of a partition has waited longer than the longest event."""
    oldest = min((_stamp(settings, role, each, look.next_offset(each)) for each in look.behind), default=time.time())
    return time.time() - oldest > settings.slow_event_seconds


def _stamp(settings: Settings, role: Role, partition: int, offset: int) -> float:
    """Return the broker's timestamp of the first record at or after an offset; now, without an answer in time."""
    topic = settings.topic_prefix + TOPIC_OF_ROLE[role].name
    reader = Consumer({**client_configuration(settings), "group.id": READER_GROUP, "enable.auto.commit": False})
    try:
        reader.assign([TopicPartition(topic, partition, offset)])
        record = reader.poll(1.0)
        return time.time() if record is None or record.error() else record.timestamp()[1] / 1000
    finally:
        reader.close()


def _is_paused(context: CheckContext) -> bool:
    try:
        return bool(context.store.result().exists(Keys(context.settings.topic_prefix).backfill_paused()))
    except SERVER_FAILURES:
        return False
