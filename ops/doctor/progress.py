"""Whether Redis and Kafka agree on the applied offsets. If not, Redis was lost or is an old copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from redis.exceptions import NoPermissionError

from ops.doctor.check_context import ANSWER_SECONDS, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from ops.doctor.offsets import earliest_offsets, num_members
from schemas.counted import counted
from schemas.topics import SIGNALS
from streams.config.settings import Settings
from streams.kafka.group_names import group_of
from streams.kafka.group_offsets import committed_offsets
from streams.store.applied import StoreBehindLog, resume_offset
from streams.store.keys import Keys


def examine(context: CheckContext) -> Iterator[Finding]:
    """One finding over all partitions of the log."""
    if not (is_there(context.broker) and is_there(context.store)):
        yield not_checked("applied offsets", "broker and store have to answer both")
    elif context.settings.is_broker_embedded:
        yield not_checked("applied offsets", "the embedded broker does not outlive its records")
    else:
        yield _compare(context.broker.result(), context.store.result(), context.settings)


def _compare(admin: AdminClient, store: Any, settings: Settings) -> Finding:
    topic, group = settings.topic_prefix + SIGNALS.name, group_of(settings, "verdict")
    num_members(admin, group)  # raises at once if the group may not be described
    listed = admin.list_topics(timeout=ANSWER_SECONDS).topics
    if topic not in listed:
        return not_checked("applied offsets", f"topic {topic} does not exist")
    places = [TopicPartition(topic, number) for number in listed[topic].partitions]
    keys = [Keys(settings.topic_prefix).applied(group, topic, place.partition) for place in places]
    try:
        applied = [None if value is None else int(value) for value in store.mget(keys)]
    except NoPermissionError:
        return not_checked("applied offsets", "our user may not read them", do="run the doctor as the operator's user")
    committed = committed_offsets(settings, group, places, timeout_seconds=ANSWER_SECONDS)
    return _judge(places, applied, committed, earliest_offsets(admin, places))


def _judge(
    places: list[TopicPartition],
    applied: list[int | None],
    committed: dict[int, int | None],
    earliest: dict[int, int],
) -> Finding:
    behind = 0
    for place, known in zip(places, applied, strict=True):
        kept = committed[place.partition]
        try:
            resume = resume_offset(
                (place.topic, place.partition), committed=kept, applied=known, earliest=earliest[place.partition]
            )
        except StoreBehindLog as error:
            return wrong(
                "applied offsets",
                str(error),
                means="the verdict role refuses to start, with exit code 78",
                do="vidsignal rebuild",
            )
        behind += max(0, (kept or 0) - resume) if resume is not None else 0
    if behind:
        return warning(
            "applied offsets",
            f"Redis is {counted(behind, 'fact')} behind what the verdict role committed: it is an older copy of itself",
            means="the verdict role reads them again by itself, at its next start",
            do="watch with `vidsignal audit` that nothing differs afterwards",
        )
    return ok("applied offsets", f"Redis has all that was committed, in {counted(len(places), 'partition')}")
