"""`vidsignal doctor` and `vidsignal top` against real servers, and as processes when everything is unavailable."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from redis import Redis
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from ops.doctor import broker, clock, groups, placement, progress, rights, store, topics
from ops.doctor.check_context import CheckContext, open_check_context
from ops.doctor.finding import Finding
from ops.doctor.offsets import latest_offsets, num_members
from ops.local.ports import ReservedPort
from ops.local.redis_server import RedisServer
from schemas.topics import BACKFILL, ENGAGEMENT, SIGNALS, TOPICS, UPLOADED
from streams.config.settings import ROLES, Settings, read_settings
from streams.kafka.clients import client_configuration
from streams.kafka.group_names import group_of
from streams.kafka.group_offsets import committed_offsets
from streams.kafka.topic_admin import create_topics, stamps_of
from streams.store.keys import Keys
from tests.doctor_world import about, only
from tests.integration.authenticated_stack import AuthenticatedStack
from tests.pipeline import Pipeline, await_value
from tests.unique_topics import UniqueTopics

ASK_SECONDS = 90.0


@pytest.fixture
def settings(topics: UniqueTopics, redis_url: str) -> Settings:
    """A stack of its own on the shared servers; its topics do not exist yet."""
    return read_settings(
        kafka_bootstrap_servers=topics.bootstrap_servers, redis_url=redis_url, topic_prefix=f"{topics.prefix}."
    )


@pytest.fixture
def admin(settings: Settings) -> AdminClient:
    return AdminClient(client_configuration(settings))


@pytest.fixture
def context(settings: Settings, admin: AdminClient) -> CheckContext:
    """The same stack with topics and groups, whose leaders and coordinators every broker knows."""
    create_topics(settings, partitions=2, replication=1)
    places = [TopicPartition(name(settings, topic.name), number) for topic in TOPICS for number in (0, 1)]

    def is_led() -> bool | None:
        try:
            latest_offsets(admin, places)
            for role in ROLES:
                num_members(admin, group_of(settings, role))
                committed_offsets(settings, group_of(settings, role), places)
        except (KafkaException, TimeoutError):
            return None
        return True

    await_value(is_led, ASK_SECONDS, lambda: "partitions or groups have nobody who leads them")
    return open_check_context(settings)


def name(settings: Settings, topic: str) -> str:
    return settings.topic_prefix + topic


def produce(settings: Settings, topic: str, number: int, timestamp_unix_seconds: float = 0.0) -> None:
    producer = Producer(client_configuration(settings))
    for _ in range(number):
        stamp = int(timestamp_unix_seconds * 1000)
        producer.produce(name(settings, topic), key="v", value=b"{}", partition=0, timestamp=stamp)
    assert producer.flush(ASK_SECONDS) == 0


def alter(admin: AdminClient, topic: str, setting: str, value: str) -> None:
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for outcome in admin.incremental_alter_configs([changed]).values():
        outcome.result(ASK_SECONDS)


def commit(settings: Settings, group: str, topic: str, offset: int) -> None:
    consumer = Consumer({**client_configuration(settings), "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(name(settings, topic), 0, offset)], asynchronous=False)
    consumer.close()


@contextmanager
def member(settings: Settings, group: str, topic: str) -> Iterator[Consumer]:
    """A consumer that has joined the group, and commits what it is told to."""
    consumer = Consumer({**client_configuration(settings), "group.id": group, "enable.auto.commit": False})
    consumer.subscribe([name(settings, topic)])
    try:
        await_value(
            lambda: (consumer.poll(0.2), consumer.assignment())[1] or None, ASK_SECONDS, lambda: "it has no partitions"
        )
        yield consumer
    finally:
        consumer.close()


class TestBroker:
    def test_real(self, context: CheckContext) -> None:
        """Both clients get in, and every request that we send is known."""
        assert {finding.state for finding in broker.examine(context)} == {"ok"}


class TestTopics:
    def test_missing(self, settings: Settings) -> None:
        """Each topic that is not there is named, with the command that makes it."""
        found = list(topics.examine(open_check_context(settings)))
        assert {finding.state for finding in found} == {"wrong"}
        assert "vidsignal topics create" in about(found, name(settings, UPLOADED.name)).do

    def test_as_agreed(self, context: CheckContext) -> None:
        """What `topics create` makes is well; one copy of everything is worth a warning."""
        found = list(topics.examine(context))
        assert about(found, "copies").state == "warning"
        assert {finding.state for finding in found if finding.subject != "copies"} == {"ok"}

    def test_wrong_retention(self, context: CheckContext, settings: Settings, admin: AdminClient) -> None:
        """A topic that is kept for too short is named with both values and a command that mends it."""
        alter(admin, name(settings, SIGNALS.name), "retention.ms", "60000")

        def is_wrong() -> Finding | None:  # brokers learn of a change a moment later
            found = about(topics.examine(context), name(settings, SIGNALS.name))
            return found if found.state == "wrong" else None

        finding = await_value(is_wrong, ASK_SECONDS, lambda: "the topic is called well")
        assert "retention.ms is 60000" in finding.found
        assert f"--entity-name {name(settings, SIGNALS.name)} --add-config retention.ms=[1209600000]" in finding.do

    def test_partitions_that_differ(self, context: CheckContext, settings: Settings, admin: AdminClient) -> None:
        """Topics of different partition counts spread one video over several workers."""
        grown = NewPartitions(name(settings, BACKFILL.name), 3)
        admin.create_partitions([grown])[grown.topic].result(ASK_SECONDS)

        def is_wrong() -> Finding | None:  # brokers learn of a change a moment later
            found = about(topics.examine(context), name(settings, UPLOADED.name))
            return found if found.state == "wrong" else None

        assert "[2, 3]" in await_value(is_wrong, ASK_SECONDS, lambda: "the topic is called well").found


class TestPlacement:
    def test_records_of_another_partitioner(self, context: CheckContext, settings: Settings) -> None:
        """Counted of each topic that clients write; a topic without records is well."""
        producer = Producer({**client_configuration(settings), "partitioner": "murmur2_random"})
        other = Producer({**client_configuration(settings), "partitioner": "consistent_random"})
        for number in range(40):
            for sender in (producer, other):
                sender.produce(name(settings, UPLOADED.name), key=f"v-{number}", value=b"{}")
        assert producer.flush(ASK_SECONDS) == other.flush(ASK_SECONDS) == 0
        found = list(placement.examine(context))
        uploads = about(found, name(settings, UPLOADED.name))
        assert uploads.state == "warning"
        assert re.match(r"[1-3]?[0-9] of 80 recent records", uploads.found)
        assert about(found, name(settings, ENGAGEMENT.name)).found.startswith("all of 0 recent records")


class TestGroups:
    def test_nobody_works(self, context: CheckContext, settings: Settings) -> None:
        """Records that wait with no worker around are a warning; without records there is none."""
        produce(settings, UPLOADED.name, 3)
        found = list(groups.examine(context))
        assert about(found, group_of(settings, "intake")).found == "no worker processes 3 waiting records"
        assert about(found, group_of(settings, "intake")).do == "vidsignal worker --roles intake"
        assert about(found, group_of(settings, "verdict")).state == "ok"

    def test_a_member_that_gets_nowhere_and_one_that_moves(self, context: CheckContext, settings: Settings) -> None:
        """It looks again while records wait: nothing committed meanwhile is wrong, the smallest step is well."""
        produce(settings, UPLOADED.name, 37)
        intake, slept = group_of(settings, "intake"), list[float]()
        with member(settings, intake, UPLOADED.name) as consumer:
            finding = about(groups.examine(context, slept.append), intake)
            assert (finding.state, finding.found) == ("wrong", "1 member, 37 records behind and not moving")
            assert len(slept) == 2

            def step(_seconds: float) -> None:
                place = TopicPartition(name(settings, UPLOADED.name), 0, 1)
                consumer.commit(offsets=[place], asynchronous=False)

            finding = about(groups.examine(context, step), intake)
            assert (finding.state, finding.found) == ("ok", "1 member, 36 records behind and moving")

    def test_lost_records(self, context: CheckContext, settings: Settings, admin: AdminClient) -> None:
        """What left the topic before it was read is wrong."""
        produce(settings, UPLOADED.name, 5)
        commit(settings, group_of(settings, "media"), UPLOADED.name, 1)
        for outcome in admin.delete_records([TopicPartition(name(settings, UPLOADED.name), 0, 4)]).values():
            outcome.result(ASK_SECONDS)
        finding = about(groups.examine(context), group_of(settings, "media"))
        assert finding.found == "3 records left the topic before the group read them"


class TestRights:
    def test_own_user(self, stack: AuthenticatedStack) -> None:
        """A role's own user may read, join and write what the role needs, and is not told of settings as wrong."""
        here = open_check_context(stack.settings("verdict", roles="verdict"))
        assert only(rights.examine(here)).state == "ok"
        await_state("ok", here)
        assert {finding.state for finding in topics.examine(here)} <= {"ok", "warning", "not-checked"}

    def test_user_of_another_role(self, stack: AuthenticatedStack) -> None:
        """A user that is given neither is told so, with the command that prints what is missing."""
        here = open_check_context(stack.settings("reader-safety", roles="intake"))
        assert only(rights.examine(here)).state == "wrong"
        assert "vidsignal access kafka --role intake" in only(rights.examine(here)).do
        await_state("wrong", here)


def await_state(state: str, here: CheckContext) -> None:
    """Wait until that is found of the one role's group: a broker that has just started looks for its coordinator."""

    def is_found() -> Finding | None:
        found = only(groups.examine(here))
        return found if found.state == state else None

    await_value(is_found, ASK_SECONDS, lambda: only(groups.examine(here)).found)


class TestProgress:
    def test_fresh(self, context: CheckContext) -> None:
        """Before the first fact both know nothing, and agree."""
        assert only(progress.examine(context)).state == "ok"

    def test_store_that_was_emptied(self, context: CheckContext, settings: Settings) -> None:
        """Redis without what Kafka's commits promise stops the verdict role, and `rebuild` is named."""
        produce(settings, SIGNALS.name, 5)
        commit(settings, group_of(settings, "verdict"), SIGNALS.name, 4)
        finding = only(progress.examine(context))
        assert (finding.state, finding.do) == ("wrong", "vidsignal rebuild")

    def test_older_copy(self, context: CheckContext, settings: Settings) -> None:
        """A Redis that is three facts behind is caught up by the worker itself."""
        produce(settings, SIGNALS.name, 5)
        commit(settings, group_of(settings, "verdict"), SIGNALS.name, 4)
        topic = name(settings, SIGNALS.name)
        key = Keys(settings.topic_prefix).applied(group_of(settings, "verdict"), topic, 0)
        with Redis.from_url(settings.redis_url.get_secret_value()) as client:
            client.set(key, 1)
            behind = only(progress.examine(context))
            client.set(key, 4)
            level = only(progress.examine(context))
        assert (behind.state, "3 facts behind" in behind.found) == ("warning", True)
        assert level.state == "ok"


class TestStore:
    def test_memory_only(self, settings: Settings) -> None:
        """The tests' own Redis keeps nothing over a restart, which is wrong; it knows vector sets."""
        found = list(store.examine(open_check_context(settings)))
        assert [finding.subject for finding in found if finding.state == "wrong"] == ["persistence"]
        assert about(found, "vector sets").state == "ok"

    def test_append_only(self, tmp_path: Path) -> None:
        """With an append-only file nothing is wrong."""
        with RedisServer(tmp_path, persistent=True) as server:
            found = list(store.examine(open_check_context(read_settings(redis_url=server.url))))
        assert {finding.state for finding in found} == {"ok"}


class TestClock:
    def test_upload_of_the_future(self, context: CheckContext, settings: Settings, admin: AdminClient) -> None:
        """An upload stamped an hour ahead tells that some clock is wrong; Redis on this machine agrees with ours. The
        topic is as older releases made it: by the contract the broker stamps uploads."""
        alter(admin, name(settings, UPLOADED.name), "message.timestamp.type", "CreateTime")
        await_value(
            lambda: stamps_of(settings, UPLOADED) == "CreateTime" or None, ASK_SECONDS, lambda: "it is not changed"
        )
        produce(settings, UPLOADED.name, 1, time.time())
        assert {finding.state for finding in clock.examine(context)} == {"ok"}
        produce(settings, UPLOADED.name, 1, time.time() + 3600)
        found = list(clock.examine(context))
        assert about(found, "against uploads").state == "wrong"
        assert about(found, "against Redis").state == "ok"


class TestProcess:
    def test_everything_unavailable(self, tmp_path: Path) -> None:
        """Servers that never answer, no weights: exit code 1, what to do, no secret, and no hanging."""
        with _silent_server() as kafka, _silent_server() as redis:
            environment = {
                "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": kafka,
                "VIDSIGNAL_REDIS_URL": f"redis://:open-sesame@{redis}/0",
                "VIDSIGNAL_CACHE_DIR": str(tmp_path),
            }
            told = subprocess.run(
                [sys.executable, "-m", "ops.cli", "doctor"],
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        assert told.returncode == 1, told.stderr
        for words in ("VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS", "VIDSIGNAL_REDIS_URL", "vidsignal models fetch"):
            assert words in told.stdout
        assert "open-sesame" not in told.stdout + told.stderr
        assert told.stderr == ""


class TestTop:
    def test_worker(self, tmp_path: Path, kafka: str, redis_url: str) -> None:
        """A real worker is shown with its role and lag; a dead one next to it as down."""
        with Pipeline.opened(
            tmp_path, bootstrap_servers=kafka, redis_url=redis_url, media_roots=[], metrics_port="0"
        ) as pipeline:
            worker = pipeline.start_worker(roles="intake")
            address = f"127.0.0.1:{worker.ready['metrics_port']}"
            with ReservedPort() as nobody:
                words = ["--once", "--interval", "0.5", "--json", "--worker", address, "--worker", nobody.address]
                told = await_value(lambda: answered(words), ASK_SECONDS, lambda: "the worker does not answer in time")
            frame = json.loads(told)
            assert [(row["is_up"], row["roles"]) for row in frame["workers"]] == [(True, ["intake"]), (False, [])]
            assert [(row["role"], row["lag_records"]) for row in frame["roles"]] == [("intake", 0)]
            assert frame["slowest"] == []


def answered(words: list[str]) -> str | None:
    """What `top` says; None where no worker answered it in time, or the broker has not told a lag yet."""
    told = CliRunner().invoke(app, ["top", *words])
    if told.exit_code == ExitCode.UNAVAILABLE:
        return None
    assert told.exit_code == 0, told.output
    is_asked = all(row["states"] == {"idle": 1} for row in json.loads(told.stdout)["roles"])
    return told.stdout if is_asked else None


@contextmanager
def _silent_server() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
