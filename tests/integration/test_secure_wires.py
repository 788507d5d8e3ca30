"""Kafka and Redis that ask who one is: each role gets its work done under its own user, and nothing else."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from redis.asyncio import Redis

from ops.access.kafka_acls import user_of
from ops.access.roles import ACCESS, RoleAccess, find_roles
from ops.local.certificates import Authority, KeyPair
from ops.local.scratch import scratch_dir
from ops.local.tls_proxy import TlsProxy
from ops.local.worker_process import WorkerProcess
from schemas.engagement import EngagementEvent
from schemas.topics import DEAD_LETTER, ENGAGEMENT, MODERATION, SIGNALS, TOPICS, UPLOADED
from schemas.uploads import DeletionRequested
from schemas.wire import encode
from streams.delivery.crash import WorkerExit
from streams.delivery.publisher import Publisher
from streams.kafka_clients import (
    BrokerRefuses,
    client_configuration,
    producer_configuration,
    read_to_end,
    require_broker,
)
from streams.readers_topics import decode_verdict
from streams.settings import Settings
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.store.readers import VideoReading, read_video
from streams.store.refusals import StoreRefuses, require_entry
from streams.store.wire import store_options
from streams.tls import TlsFiles, client_context
from streams.topic_admin import check_topics, create_topics
from streams.wire_checks import kafka_tls_files
from tests.integration.guarded_stack import PREFIX, GuardedStack, guarded_stack
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

CLIPS = ("car-telephone.mkv", "crowd.mp3")
WORKERS = ("media", "intake", "verdict", "engagement")
ASK_SECONDS = 20.0
ROLES = pytest.mark.parametrize("role", ACCESS, ids=lambda role: role.name)
STORE_ROLES = pytest.mark.parametrize("role", [role for role in ACCESS if role.uses_store], ids=lambda role: role.name)
ENDANGERING = (
    ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("SHUTDOWN",),
    ("DEBUG", "SLEEP", "0"), ("CLIENT", "KILL", "ID", "1"), ("REPLICAOF", "NO", "ONE"), ("MONITOR",), ("SAVE",),
)  # fmt: skip


@pytest.fixture(scope="module")
def stack(kafka_jars: None) -> Iterator[GuardedStack]:
    """One for all tests of this file."""
    with scratch_dir() as folder, guarded_stack(folder) as opened:
        create_topics(opened.settings("operator"), partitions=2, replication=1)
        yield opened


@pytest.fixture(scope="module")
def workers(stack: GuardedStack, samples: Path) -> Iterator[list[WorkerProcess]]:
    """A worker a role, each under its own user; ready."""
    started = [stack.worker(role, media_roots=str(samples), metrics_port="0") for role in WORKERS]
    try:
        for worker in started:
            worker.start()
        for worker in started:
            worker.await_ready()
        yield started
    finally:
        for worker in started:
            worker.close()


def ask_store(settings: Settings, question: Callable[[Redis], Any]) -> Any:
    """Put one question to Redis as the user of the settings."""

    async def ask() -> Any:
        async with Redis.from_url(settings.redis_url.get_secret_value(), **store_options(settings)) as store:
            return await question(store)

    return asyncio.run(ask())


class TestEveryRoleDoesItsWork:
    def test_uploads_get_their_verdicts(self, stack: GuardedStack, workers: list[WorkerProcess], samples: Path) -> None:
        """A producer publishes, three workers work, readers of Redis and of the topic see it: each as itself."""
        producer = Pipeline(stack.settings("producer"), {}, stack.folder)
        producer.publish(*(upload_of(samples / clip, clip) for clip in CLIPS))
        ranker, keys = stack.settings("reader-recommender"), Keys(PREFIX)

        def final() -> list[VideoReading] | None:
            for worker in workers:
                worker.child.require_alive()
            readings = [ask_store(ranker, lambda store, clip=clip: read_video(store, keys, clip)) for clip in CLIPS]
            decided = all(reading and reading.status["status"] == "final" for reading in readings)
            return readings if decided else None

        readings = await_value(final, 60, lambda: "not every clip has a final verdict")
        assert all(reading.features and reading.embeddings for reading in readings)
        assert followed_verdicts(stack.settings("reader-safety")) == {
            reading.verdict.video_id: reading.verdict for reading in readings if reading.verdict
        }
        assert refused_requests(stack, workers) == []

    def test_poison_deletions_and_engagement(
        self, stack: GuardedStack, workers: list[WorkerProcess], samples: Path
    ) -> None:
        """What is rarer than an upload is allowed as well: a dead letter, an act of a viewer, a deletion."""
        producer = Pipeline(stack.settings("producer"), {}, stack.folder)
        operator, keys = stack.settings("operator"), Keys(PREFIX)
        producer.publish(upload_of(samples / CLIPS[1], "liked"), upload_of(samples / CLIPS[1], "unwanted"))
        producer.publish_bytes(b"no event", "poison")
        act(stack, "liked")
        status = keys.status("unwanted")
        await_value(lambda: ask_store(operator, lambda store: store.exists(status)) or None, 30, lambda: "not taken in")
        producer.publish_bytes(encode(DeletionRequested(video_id="unwanted", deleted=True)), "unwanted")

        def all_is_done() -> bool | None:
            for worker in workers:
                worker.child.require_alive()
            counted, kept = ask_store(
                operator, lambda store: store.mget(keys.engagement("liked"), keys.guard("unwanted"))
            )
            return bool(counted and kept and list(read_to_end(operator, [PREFIX + DEAD_LETTER.name]))) or None

        await_value(all_is_done, 30, lambda: "not all of it was done")
        assert refused_requests(stack, workers) == []

    def test_operator_reads_every_topic(self, stack: GuardedStack) -> None:
        """Contracts are checked, and topics read as they lie, under the operator's user."""
        operator = stack.settings("operator")
        assert [item.topic for item in check_topics(operator) if item.problems] == []
        assert list(read_to_end(operator, [PREFIX + topic.name for topic in TOPICS])) is not None


def refused_requests(stack: GuardedStack, workers: list[WorkerProcess]) -> list[object]:
    """What Redis or Kafka had to refuse to one of the workers: where the table gives enough, nothing."""
    with redis.Redis.from_url(stack.redis.url, decode_responses=True) as administrator:
        log = administrator.execute_command("ACL", "LOG", "100")
    users = {user_of(stack.settings(role), find_roles(role)[0]) for role in WORKERS}
    said = [line for worker in workers for line in worker.child.log_path.read_text(encoding="utf-8").splitlines()]
    return [
        *(entry for entry in log if entry["username"] in users and entry["reason"] in ("command", "key")),
        *(line for line in said if "authoriz" in line.lower() or "refuses us" in line),
    ]


def act(stack: GuardedStack, video_id: str) -> None:
    """One viewer likes a video, told by a client under its own user."""
    liked = EngagementEvent(event_id="e-1", video_id=video_id, kind="like", event_unix_seconds=time.time())
    producer = Producer(producer_configuration(stack.settings("producer-engagement")))
    producer.produce(PREFIX + ENGAGEMENT.name, key=video_id, value=encode(liked))
    assert producer.flush(ASK_SECONDS) == 0


def followed_verdicts(settings: Settings) -> dict[str, Any]:
    """What a member of a group of the safety readers sees."""
    consumer = Consumer(
        {**client_configuration(settings), "group.id": f"{PREFIX}safety-tests", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([PREFIX + MODERATION.name])
    verdicts: dict[str, Any] = {}

    def follow() -> dict[str, Any] | None:
        while (message := consumer.poll(0.2)) is not None:
            assert message.error() is None, message.error()
            if message.key().decode() in CLIPS:
                verdicts[message.key().decode()] = decode_verdict(message.value())
        final = {name for name, verdict in verdicts.items() if verdict.status == "final"}
        return verdicts if final == set(CLIPS) else None

    try:
        return await_value(follow, ASK_SECONDS, lambda: f"seen so far: {verdicts}")
    finally:
        consumer.close()


class TestKafkaRefusesTheRest:
    @ROLES
    def test_writes(self, stack: GuardedStack, role: RoleAccess) -> None:
        """No role writes to a topic that the table does not give it."""
        forbidden = [topic for topic in TOPICS if topic not in role.writes]
        assert write_errors(stack, role, [PREFIX + topic.name for topic in forbidden]) == {
            PREFIX + topic.name: KafkaError.TOPIC_AUTHORIZATION_FAILED for topic in forbidden
        }

    @ROLES
    def test_reads(self, stack: GuardedStack, role: RoleAccess) -> None:
        """No role reads a topic that the table does not give it."""
        forbidden = {PREFIX + topic.name for topic in TOPICS if topic not in role.reads}
        assert refused_reads(stack, role, forbidden) == forbidden

    def test_groups(self, stack: GuardedStack) -> None:
        """A reader cannot join the group of a worker, whose partitions it would take."""
        settings = stack.settings("reader-safety")
        consumer = Consumer({**client_configuration(settings), "group.id": f"{PREFIX}vidsignal-verdict"})
        consumer.subscribe([PREFIX + MODERATION.name])
        try:
            message = await_value(lambda: consumer.poll(0.5), ASK_SECONDS, lambda: "nothing was refused")
            assert message.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        finally:
            consumer.close()

    def test_worker_without_rights_says_so(self, stack: GuardedStack) -> None:
        """A worker under the wrong user ends as misconfigured, and names what it may not read or join."""
        other = stack.environment("verdict")
        names = ("kafka_sasl_username", "kafka_sasl_password_file")
        said = refused_worker(stack, **{name: other[f"VIDSIGNAL_{name.upper()}"] for name in names})
        assert "Kafka does not let us read topic guarded.video.uploaded; `vidsignal access kafka`" in said

    def test_topics_are_not_created_or_deleted(self, stack: GuardedStack) -> None:
        """Not even the operator deletes one."""
        admin = AdminClient(client_configuration(stack.settings("operator")))
        [outcome] = admin.delete_topics([PREFIX + SIGNALS.name]).values()
        assert outcome.exception(ASK_SECONDS).args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def write_errors(stack: GuardedStack, role: RoleAccess, topics: list[str]) -> dict[str, int]:
    """What becomes of one record to each topic; none is allowed, so none lies there afterwards."""
    producer = Producer({**client_configuration(stack.settings(role.name)), "message.timeout.ms": 20_000})
    errors: dict[str, int] = {}
    for topic in topics:
        producer.produce(topic, b"x", on_delivery=lambda error, message: errors.update({message.topic(): error.code()}))
    assert producer.flush(ASK_SECONDS) == 0
    return errors


def is_hidden(consumer: Consumer, topic: str) -> bool:
    """Whether the user may not even know of a topic."""
    error = consumer.list_topics(topic, timeout=ASK_SECONDS).topics[topic].error
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def refused_reads(stack: GuardedStack, role: RoleAccess, topics: set[str]) -> set[str]:
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
    def test_what_endangers_the_server(self, stack: GuardedStack, role: RoleAccess) -> None:
        """No role empties, configures or stops the server, or lists its keys and users."""
        assert [command for command in ENDANGERING if stack.may_send(role.name, *command)] == []

    @STORE_ROLES
    def test_keys_of_others(self, stack: GuardedStack, role: RoleAccess) -> None:
        """A stack beside ours, and whatever else lies there, is nobody's."""
        for key in ("vs:{v}:status", "other.vs:{v}:status", "session:42"):
            assert not stack.may_send(role.name, "HGETALL", key)

    @pytest.mark.parametrize(
        ("role", "command"),
        [
            ("intake", ("GET", "guarded.vs:{v}:verdict")),
            ("intake", ("HSET", "guarded.vs:{v}:state", "f", "v")),
            ("media", ("HSET", "guarded.vs:{v}:status", "action", "allow")),
            ("media", ("SET", "guarded.vs:{v}:verdict", "{}")),
            ("media", ("ZADD", "guarded.vs:deadlines", "1", "m")),
            ("verdict", ("SET", "guarded.vs:applied:other:guarded.video.signals:0", "1")),
            ("engagement", ("HSET", "guarded.vs:{v}:status", "action", "allow")),
            ("reader-recommender", ("HGETALL", "guarded.vs:{v}:state")),
            ("reader-recommender", ("DEL", "guarded.vs:{v}:features")),
            ("reader-recommender", ("VREM", "guarded.vs:space:s", "v")),
            ("reader-recommender", ("SCAN", "0")),
        ],
    )
    def test_each_role_keeps_to_its_keys(self, stack: GuardedStack, role: str, command: tuple[str, ...]) -> None:
        """What belongs to another role is neither written nor, as far as it is private, read."""
        assert not stack.may_send(role, *command)

    @pytest.mark.parametrize(
        "command",
        [
            ("HGETALL", "guarded.vs:{v}:features"),
            ("GET", "guarded.vs:{v}:verdict"),
            ("SMEMBERS", "guarded.vs:spaces"),
            ("VSIM", "guarded.vs:space:s", "ELE", "v", "COUNT", "3"),
        ],
        ids=lambda command: command[0],
    )
    def test_a_ranker_reads_what_is_for_readers(self, stack: GuardedStack, command: tuple[str, ...]) -> None:
        """Features, verdicts and similar videos."""
        assert stack.may_send("reader-recommender", *command)

    def test_refusals_come_over_the_wire(self, stack: GuardedStack) -> None:
        """A command that is not allowed is answered as such, and is no reason to wait."""
        with pytest.raises(redis.exceptions.NoPermissionError, match="flushall"):
            ask_store(stack.settings("operator"), lambda store: store.flushall())

    @pytest.mark.parametrize("role", ["producer", "reader-safety"])
    def test_who_needs_no_store_has_no_user(self, stack: GuardedStack, role: str) -> None:
        """Roles without business in Redis are not let in."""
        settings = stack.settings(role)
        with pytest.raises(StoreRefuses, match="invalid username-password"):
            asyncio.run(require_entry(settings.redis_url.get_secret_value(), store_options(settings)))


class TestEntryIsRefused:
    """Wrong passwords and certificates: said at once, in one line."""

    def test_worker_with_a_wrong_kafka_password(self, stack: GuardedStack) -> None:
        """It ends as misconfigured and says what the broker said; no secret is in it."""
        said = refused_worker(stack, kafka_sasl_password_file=wrong_password(stack))
        assert "refuses us" in said and "SASL authentication error" in said
        assert "not-the-password" not in said

    def test_worker_with_a_wrong_redis_password(self, stack: GuardedStack) -> None:
        """The same for Redis."""
        said = refused_worker(stack, redis_password_file=wrong_password(stack))
        assert "Redis at the address in redis_url refuses us: invalid username-password pair" in said
        assert "not-the-password" not in said

    def test_brokers_of_another_authority(self, stack: GuardedStack, tmp_path: Path) -> None:
        """Brokers whose certificate our authorities did not sign are not talked to."""
        other = Authority(tmp_path / "other").certificate_path
        with pytest.raises(BrokerRefuses, match="certificate verify failed"):
            require_broker(stack.settings("operator", kafka_ssl_ca_file=other))

    def test_store_of_another_authority(self, stack: GuardedStack, tmp_path: Path) -> None:
        """The same for Redis."""
        other = Authority(tmp_path / "other").certificate_path
        with pytest.raises(StoreRefuses, match="CERTIFICATE_VERIFY_FAILED"):
            enter_store(stack.settings("intake", redis_ca_file=other))

    @pytest.mark.parametrize(
        ("hosts", "age", "library_words", "broker_words"),
        [
            (("127.0.0.1",), timedelta(days=-1), "certificate has expired", "certificate verify failed"),
            (("elsewhere.example",), timedelta(days=1), "IP address mismatch", "certificate verify failed"),
        ],
        ids=["expired", "of another host"],
    )
    def test_bad_server_certificates(
        self, stack: GuardedStack, hosts: tuple[str, ...], age: timedelta, library_words: str, broker_words: str
    ) -> None:
        """A certificate that ran out, or is another host's, is refused by all three client libraries."""
        pair = stack.authority.issue(f"bad-{hosts[0]}", hosts, valid_until=datetime.now(UTC) + age)
        with TlsProxy(stack.redis.address, pair) as proxy:
            with pytest.raises(StoreRefuses, match=library_words):
                enter_store(stack.settings("intake", redis_url=f"rediss://{proxy.address}/0"))
            settings = stack.settings("operator", kafka_bootstrap_servers=proxy.address)
            with pytest.raises(BrokerRefuses, match=broker_words):
                require_broker(settings)
            with pytest.raises(KafkaConnectionError):
                asyncio.run(topics_seen_by_aiokafka(settings))


def wrong_password(stack: GuardedStack) -> str:
    """A file with one."""
    path = stack.folder / "wrong.password"
    path.write_text("not-the-password", encoding="utf-8")
    return str(path)


def refused_worker(stack: GuardedStack, **settings: str) -> str:
    """Start an intake worker with wrong settings; it has to end by itself. Returns what it said."""
    worker = WorkerProcess(stack.folder / "refused", stack.environment("intake", roles="intake", **settings))
    worker.start()
    try:
        await_value(lambda: worker.child.exit_code, 30, lambda: "the worker did not end")
        assert worker.child.exit_code == WorkerExit.MISCONFIGURED
        return worker.child.log_path.read_text(encoding="utf-8")
    finally:
        worker.close()


def enter_store(settings: Settings) -> None:
    """Ask Redis once."""
    asyncio.run(require_entry(settings.redis_url.get_secret_value(), store_options(settings)))


async def topics_seen_by_aiokafka(settings: Settings) -> set[str]:
    """What the client library of the Faust apps sees, configured as they are."""
    password = settings.kafka_sasl_password
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=password.get_secret_value() if password else None,
        ssl_context=client_context(kafka_tls_files(settings)),
    )
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()


class TestClientCertificates:
    """Brokers that know their clients by certificate alone."""

    def test_both_libraries_are_known_by_their_certificate(self, stack: GuardedStack) -> None:
        """The certificate's common name is the user, with the ACLs of that user."""
        settings = by_certificate(stack, stack.authority.issue(f"{PREFIX}vidsignal-producer"))
        admin = require_broker(settings)
        assert PREFIX + UPLOADED.name in admin.list_topics(timeout=ASK_SECONDS).topics
        assert asyncio.run(topics_seen_by_aiokafka(settings)) == {PREFIX + UPLOADED.name}

    def test_certificates_of_another_authority_are_refused(self, stack: GuardedStack, tmp_path: Path) -> None:
        """Whoever signs for himself is not let in."""
        stranger = Authority(tmp_path / "stranger").issue(f"{PREFIX}vidsignal-producer")
        with pytest.raises(BrokerRefuses, match="certificate"):
            require_broker(by_certificate(stack, stranger))
        with pytest.raises(KafkaConnectionError):
            asyncio.run(topics_seen_by_aiokafka(by_certificate(stack, stranger)))

    def test_redis_asks_for_one(self, stack: GuardedStack) -> None:
        """A store that asks for a certificate gets the one of the settings, and refuses who has none."""
        pair, own = stack.authority.issue("redis"), stack.authority.issue("client")
        with TlsProxy(stack.redis.address, pair, client_authority=stack.authority.certificate_path) as proxy:
            url = f"rediss://{proxy.address}/0"
            shown = {"redis_cert_file": own.certificate_path, "redis_key_file": own.key_path}
            enter_store(stack.settings("intake", redis_url=url, **shown))
            context = client_context(TlsFiles(stack.authority.certificate_path))
            assert asyncio.run(speak(proxy.address, context)) == b""


def by_certificate(stack: GuardedStack, pair: KeyPair) -> Settings:
    """Settings of a client without user and password."""
    return stack.settings(
        "producer",
        kafka_security_protocol="SSL",
        kafka_sasl_username=None,
        kafka_sasl_password=None,
        kafka_bootstrap_servers=stack.kafka.guarded_servers("SSL"),
        kafka_ssl_cert_file=pair.certificate_path,
        kafka_ssl_key_file=pair.key_path,
    )


async def speak(address: str, context: ssl.SSLContext) -> bytes:
    """Send one PING and read what comes back before the line is cut."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        writer.write(b"PING\r\n")
        return await reader.read(100)
    except OSError:  # ssl.SSLError among them: refused in so many words
        return b""
    finally:
        writer.close()


class TestSecretsThatChange:
    """A password that is changed under a worker's feet: it says so, waits, and goes on once it is right again."""

    async def test_redis(self, stack: GuardedStack) -> None:
        """The command waits, an error line says why, and it is answered in the end."""
        settings = stack.settings("operator")
        user, password = settings.redis_username, stack.passwords[str(settings.redis_username)]
        client = open_store(settings.redis_url.get_secret_value(), store_options(settings))
        async with Redis.from_url(stack.redis.url) as administrator:
            assert await client.ping()
            await administrator.execute_command("ACL", "SETUSER", user, "resetpass", ">another")
            await administrator.execute_command("CLIENT", "KILL", "USER", user)
            with structlog.testing.capture_logs() as told:
                waiting = asyncio.ensure_future(client.ping())
                await reached(lambda: any("redis refuses us" in line["event"] for line in told))
                assert not waiting.done()
                await administrator.execute_command("ACL", "SETUSER", user, f">{password}")
                assert await asyncio.wait_for(waiting, ASK_SECONDS)
        await client.aclose()
        assert password not in str(told)

    async def test_kafka(self, stack: GuardedStack) -> None:
        """The same for the publisher of all roles."""
        settings = stack.settings("producer", kafka_sasl_password="the-new-one")
        with structlog.testing.capture_logs() as told:
            publisher = Publisher(producer_configuration(settings), PREFIX)
            waiting = asyncio.ensure_future(publisher.publish(UPLOADED, "v", b"{}"))
            await reached(lambda: any("kafka refuses us" in line["event"] for line in told))
            assert not waiting.done()
            user = str(settings.kafka_sasl_username)
            await asyncio.to_thread(change_password, stack, user, "the-new-one")
            await asyncio.wait_for(waiting, ASK_SECONDS)
            await asyncio.to_thread(change_password, stack, user, stack.passwords[user])
        await publisher.close()
        assert "the-new-one" not in str(told)


def change_password(stack: GuardedStack, user: str, password: str) -> None:
    """As an administrator of Kafka would, for SCRAM."""
    admin = AdminClient(stack.kafka.administration)
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    change = UserScramCredentialUpsertion(user, credential, password.encode())
    admin.alter_user_scram_credentials([change])[user].result(ASK_SECONDS)


async def reached(is_so: Callable[[], bool]) -> None:
    """Return when it is so; fails when it never is."""
    async with asyncio.timeout(ASK_SECONDS):
        while not is_so():
            await asyncio.sleep(0.1)
