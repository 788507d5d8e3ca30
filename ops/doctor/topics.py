"""The topics: existence, retention by contract, and equal partition counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka.admin import AdminClient

from ops.doctor.check_context import ANSWER_SECONDS, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from schemas.counted import counted
from schemas.topics import Topic
from streams.config.retention import kept_topics
from streams.kafka.topic_admin import TopicFinding, check_topics

_MEANS: Final = {
    "cleanup.policy": "the newest record of a video is not kept, or old ones never go",
    "max.message.bytes": "large events are refused, or such that readers cannot take are let in",
    "message.timestamp.type": "deadlines count from the clocks of producers: a wrong one moves those of its videos",
    "retention.ms": "records go before everybody read them, or stay longer than planned",
}


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check each topic against its contract, then all their replicas and partitions."""
    if not is_there(context.broker):
        yield not_checked("topics", "the broker does not answer")
    elif context.settings.is_broker_embedded:
        yield not_checked("topics", "the embedded broker has no administration of topics")
    else:
        found = check_topics(context.settings)
        wanted = kept_topics(context.settings)
        yield from (_topic(finding, topic) for finding, topic in zip(found, wanted, strict=True))
        there = {finding.topic for finding in found if finding.partitions}
        yield from _together(context.broker.result(), there)


def _topic(finding: TopicFinding, topic: Topic) -> Finding:
    if finding.partitions == 0:
        return wrong(
            finding.topic,
            "it does not exist",
            means="workers wait for it at their start",
            do="vidsignal topics create --partitions 8 --replication 3",
        )
    if any(problem.startswith("settings cannot be read") for problem in finding.problems):
        return not_checked(finding.topic, "; ".join(finding.problems), do="run the doctor as the operator's user")
    differing = [name for name in _MEANS if any(problem.startswith(f"{name} is") for problem in finding.problems)]
    if differing:
        return _differs(finding, topic, differing)
    if finding.problems:
        return wrong(
            finding.topic,
            "; ".join(finding.problems),
            means="the facts of one video would be spread over partitions that different workers own",
            do="create the topics again with one partition count, and raise VIDSIGNAL_LOG_EPOCH",
        )
    return ok(finding.topic, f"{counted(finding.partitions, 'partition')}, {topic.cleanup}, settings as agreed")


def _differs(finding: TopicFinding, topic: Topic, differing: list[str]) -> Finding:
    # Square brackets, because a value such as compact,delete contains a comma.
    wanted = ",".join(f"{name}=[{topic.configuration()[name]}]" for name in differing)
    return wrong(
        finding.topic,
        "; ".join(finding.problems),
        means="; ".join(_MEANS[name] for name in differing),
        do="vidsignal topics update, or kafka-configs.sh --bootstrap-server ... --alter --entity-type topics "
        f"--entity-name {finding.topic} --add-config {wanted}",
    )


def _together(admin: AdminClient, names: set[str]) -> Iterator[Finding]:
    listed = admin.list_topics(timeout=ANSWER_SECONDS).topics
    partitions = [(name, part) for name in sorted(names) for part in listed[name].partitions.values()]
    if not partitions:
        return
    leaderless = sorted({name for name, part in partitions if part.leader < 0})
    behind = sorted({name for name, part in partitions if len(part.isrs) < len(part.replicas)})
    if leaderless:
        yield wrong(
            "copies",
            f"partitions of {', '.join(leaderless)} have no leader",
            means="nothing can be read from them or written to them; processing of their videos stops",
            do="bring the missing brokers back: kafka-topics.sh --describe --unavailable-partitions",
        )
    elif behind:
        yield warning(
            "copies",
            f"partitions of {', '.join(behind)} have copies that lag behind",
            means="one more failed broker may stop writes",
            do="look for the broker that is down or slow: kafka-topics.sh --describe --under-replicated-partitions",
        )
    else:
        yield _copies(min(len(part.replicas) for _, part in partitions))


def _copies(number: int) -> Finding:
    if number > 1:
        return ok("copies", f"at least {number} of each partition, all up to date")
    return warning(
        "copies",
        "1 of some partition",
        means="a lost disk loses uploads and verdicts",
        do="in production: vidsignal topics create --replication 3",
    )
