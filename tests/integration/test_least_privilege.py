"""Kafka and Redis that ask who one is: what a role is not given, they refuse."""

from __future__ import annotations

import pytest
import redis
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.access.roles import ACCESS, RoleAccess
from schemas.topics import MODERATION, SIGNALS, TOPICS
from streams.kafka.clients import client_configuration
from tests.integration.authenticated_stack import (
    ASK_SECONDS,
    PREFIX,
    AuthenticatedStack,
    ask_store,
    refusal_of_store,
    refused_worker,
)
from tests.pipeline import await_value

pytestmark = pytest.mark.slow

ROLES = pytest.mark.parametrize("role", ACCESS, ids=lambda role: role.name)
STORE_ROLES = pytest.mark.parametrize("role", [role for role in ACCESS if role.uses_store], ids=lambda role: role.name)
ENDANGERING = (
    ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("SHUTDOWN",),
    ("DEBUG", "SLEEP", "0"), ("CLIENT", "KILL", "ID", "1"), ("REPLICAOF", "NO", "ONE"), ("MONITOR",), ("SAVE",),
)  # fmt: skip


class TestKafkaRefusesTheRest:
    @ROLES
    def test_writes(self, stack: AuthenticatedStack, role: RoleAccess) -> None:
        """No role writes to a topic that the table does not give it."""
        forbidden = [topic for topic in TOPICS if topic not in role.writes]
        assert write_errors(stack, role, [PREFIX + topic.name for topic in forbidden]) == {
            PREFIX + topic.name: KafkaError.TOPIC_AUTHORIZATION_FAILED for topic in forbidden
        }

    @ROLES
    def test_reads(self, stack: AuthenticatedStack, role: RoleAccess) -> None:
        """No role reads a topic that the table does not give it."""
        forbidden = {PREFIX + topic.name for topic in TOPICS if topic not in role.reads}
        assert refused_reads(stack, role, forbidden) == forbidden

    def test_groups(self, stack: AuthenticatedStack) -> None:
        """A reader cannot join the group of a worker, whose partitions it would take."""
        settings = stack.settings("reader-safety")
        consumer = Consumer({**client_configuration(settings), "group.id": f"{PREFIX}vidsignal-verdict"})
        consumer.subscribe([PREFIX + MODERATION.name])
        try:
            message = await_value(lambda: consumer.poll(0.5), ASK_SECONDS, lambda: "nothing was refused")
            assert message.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        finally:
            consumer.close()

    def test_worker_without_rights_says_so(self, stack: AuthenticatedStack) -> None:
        """A worker under the wrong user ends as misconfigured, and names what it may not read or join."""
        other = stack.environment("verdict")
        names = ("kafka_sasl_username", "kafka_sasl_password_file")
        said = refused_worker(stack, **{name: other[f"VIDSIGNAL_{name.upper()}"] for name in names})
        assert "Kafka does not let us read topic guarded.video.uploaded; `vidsignal access kafka`" in said

    def test_topics_are_not_created_or_deleted(self, stack: AuthenticatedStack) -> None:
        """Not even the operator deletes one."""
        admin = AdminClient(client_configuration(stack.settings("operator")))
        [outcome] = admin.delete_topics([PREFIX + SIGNALS.name]).values()
        assert outcome.exception(ASK_SECONDS).args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def write_errors(stack: AuthenticatedStack, role: RoleAccess, topics: list[str]) -> dict[str, int]:
    """What becomes of one record to each topic; none is allowed, so none is there afterwards."""
    producer = Producer(
        {**client_configuration(stack.settings(role.name)), "message.timeout.ms": int(1000 * ASK_SECONDS)}
    )
    errors: dict[str, int] = {}
    for topic in topics:
        producer.produce(topic, b"x", on_delivery=lambda error, message: errors.update({message.topic(): error.code()}))
    assert producer.flush(2 * ASK_SECONDS) == 0
    return errors


def is_hidden(consumer: Consumer, topic: str) -> bool:
    """Whether the user may not even know of a topic."""
    error = consumer.list_topics(topic, timeout=ASK_SECONDS).topics[topic].error
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def refused_reads(stack: AuthenticatedStack, role: RoleAccess, topics: set[str]) -> set[str]:
    """The topics that were refused to a consumer that wants all of them."""
    group = f"{PREFIX}{role.group_prefixes[0]}x" if role.group_prefixes else f"{PREFIX}vidsignal-{role.name}"
    consumer = Consumer({**client_configuration(stack.settings(role.name)), "group.id": group})
    refused = {topic for topic in topics if is_hidden(consumer, topic)}
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics - refused])

    def ask() -> set[str] | None:
        if refused >= topics:
            return refused
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            pytest.fail(f"{role.name} could read {message.topic()}")
        if message is not None and message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            refused.add(message.topic())
        return None

    try:
        return await_value(ask, ASK_SECONDS, lambda: f"{role.name} was not refused {topics - refused}")
    finally:
        consumer.close()


class TestRedisRefusesTheRest:
    @STORE_ROLES
    def test_what_endangers_the_server(self, stack: AuthenticatedStack, role: RoleAccess) -> None:
        """No role empties, configures or stops the server, or lists its keys and users."""
        assert [command for command in ENDANGERING if stack.may_send(role.name, *command)] == []

    @STORE_ROLES
    def test_keys_of_others(self, stack: AuthenticatedStack, role: RoleAccess) -> None:
        """A stack next to ours, and whatever else is there, is nobody's."""
        for key in ("vs:{v}:status", "other.vs:{v}:status", "session:42"):
            assert not stack.may_send(role.name, "HGETALL", key)

    @pytest.mark.parametrize(
        ("role", "command"),
        [
            ("intake", ("GET", "guarded.vs:{v}:verdict")),
            ("intake", ("HSET", "guarded.vs:{v}:state", "f", "v")),
            ("media", ("HSET", "guarded.vs:{v}:features", "f", "v")),
            ("media", ("SET", "guarded.vs:{v}:verdict", "{}")),
            ("media", ("ZADD", "guarded.vs:deadlines", "1", "m")),
            ("verdict", ("SET", "guarded.vs:applied:other:guarded.video.signals:0", "1")),
            ("engagement", ("HSET", "guarded.vs:{v}:status", "action", "allow")),
            ("producer", ("HGETALL", "guarded.vs:{v}:state")),
            ("producer", ("HDEL", "guarded.vs:{v}:refusals", "letter")),
            ("producer", ("HSET", "guarded.vs:{v}:status", "action", "allow")),
            ("engagement", ("HGETALL", "guarded.vs:{v}:refusals")),
            ("reader-recommender", ("HGETALL", "guarded.vs:{v}:state")),
            ("reader-recommender", ("DEL", "guarded.vs:{v}:features")),
            ("reader-recommender", ("VREM", "guarded.vs:space:s", "v")),
            ("reader-recommender", ("VREM", "guarded.vs:picture-hashes", "0:v")),
            ("reader-recommender", ("SCAN", "0")),
        ],
    )
    def test_each_role_keeps_to_its_keys(self, stack: AuthenticatedStack, role: str, command: tuple[str, ...]) -> None:
        """What belongs to another role is neither written nor, as far as it is private, read."""
        assert not stack.may_send(role, *command)

    @pytest.mark.parametrize(
        "command",
        [
            ("HGETALL", "guarded.vs:{v}:features"),
            ("GET", "guarded.vs:{v}:verdict"),
            ("SMEMBERS", "guarded.vs:spaces"),
            ("VSIM", "guarded.vs:space:s", "ELE", "v", "COUNT", "3"),
            ("VSIM", "guarded.vs:picture-hashes", "ELE", "0:v", "COUNT", "3"),
        ],
        ids=lambda command: f"{command[0]} {command[1]}",
    )
    def test_a_ranker_reads_what_is_for_readers(self, stack: AuthenticatedStack, command: tuple[str, ...]) -> None:
        """Features, verdicts and similar videos."""
        assert stack.may_send("reader-recommender", *command)

    @pytest.mark.parametrize("kind", ["status", "deletion", "refusals", "verdict"])
    def test_a_producer_reads_what_became_of_its_uploads(self, stack: AuthenticatedStack, kind: str) -> None:
        """Status, refusals, verdict and deletion of a video: what `show` and `publish --wait` look at."""
        reading = "GET" if kind in ("deletion", "verdict") else "HGETALL"
        assert stack.may_send("producer", reading, f"guarded.vs:{{v}}:{kind}")

    def test_refusals_come_over_the_wire(self, stack: AuthenticatedStack) -> None:
        """A command that is not allowed is answered as such, and is no reason to wait."""
        with pytest.raises(redis.exceptions.NoPermissionError, match="flushall"):
            ask_store(stack.settings("operator"), lambda store: store.flushall())

    @pytest.mark.parametrize("role", ["producer-engagement", "reader-safety"])
    def test_who_needs_no_store_has_no_user(self, stack: AuthenticatedStack, role: str) -> None:
        """Roles without business in Redis are not let in."""
        assert "invalid username-password" in refusal_of_store(stack.settings(role))
