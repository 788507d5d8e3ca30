"""A whole pipeline for tests: topics of its own on a real Kafka, a real Redis, and workers as processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from redis.asyncio import Redis

from ops.doctor.groups import TOPIC_OF_ROLE
from ops.local.worker_process import WORKER_COMMAND, WorkerProcess
from schemas.codec import decode_fact, encode, event_headers
from schemas.dead_letters import DeadLetter
from schemas.facts import Fact, Signal
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.topics import DEAD_LETTER, MODERATION, RECOMMENDATION, SIGNALS, TOPICS, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Role, Settings, read_settings
from streams.kafka.clients import StoredRecord, client_configuration, producer_configuration, read_to_end
from streams.kafka.group_names import group_of
from streams.kafka.readers_topics import decode_record, decode_verdict
from streams.kafka.topic_admin import create_topics
from streams.store.keys import Keys
from streams.store.readers import VideoReading, read_video

Found = TypeVar("Found")

PARTITIONS = 4
ASK_SECONDS = 0.3
_ANSWER_SECONDS = 60.0
"""For one answer of a broker that many tests have kept busy."""


@dataclass
class Pipeline:
    """Where tests publish and look."""

    settings: Settings
    environment: dict[str, str]
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        bootstrap_servers: str,
        redis_url: str,
        media_roots: Iterable[Path],
        partitions: int = PARTITIONS,
        **environment: str,
    ) -> Pipeline:
        """Create topics under a prefix of their own; no worker runs yet."""
        variables = {
            "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "VIDSIGNAL_REDIS_URL": redis_url,
            "VIDSIGNAL_TOPIC_PREFIX": f"t{uuid4().hex[:10]}.",
            "VIDSIGNAL_MEDIA_ROOTS": ",".join(str(root) for root in media_roots),
            "VIDSIGNAL_DRAIN_TIMEOUT_SECONDS": "5",
            **{f"VIDSIGNAL_{name.upper()}": value for name, value in environment.items()},
        }
        settings = read_settings(
            kafka_bootstrap_servers=bootstrap_servers,
            redis_url=redis_url,
            topic_prefix=variables["VIDSIGNAL_TOPIC_PREFIX"],
        )
        create_topics(settings, partitions=partitions, replication=1)
        return cls(settings, variables, folder)

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, **options: Any) -> Iterator[Pipeline]:
        """See `create`; workers and topics are gone at the end."""
        made = cls.create(folder, **options)
        try:
            yield made
        finally:
            made.close()

    def start_worker(
        self,
        name: str = "worker",
        *,
        roles: str | None = None,
        command: tuple[str, ...] = WORKER_COMMAND,
        wait: bool = True,
    ) -> WorkerProcess:
        """Start a worker; ready on return unless `wait` is False. The name is its log's, too."""
        arguments = ("--roles", roles) if roles else ()
        worker = WorkerProcess(self.folder, self.environment, name=name, arguments=arguments, command=command)
        worker.start()
        self.workers.append(worker)
        if wait:
            worker.await_ready()
        return worker

    def close(self) -> None:
        """Stop every worker and delete the topics."""
        for worker in self.workers:
            worker.close()
        admin = self._admin()
        deleted = admin.delete_topics([self.topic(topic.name) for topic in TOPICS], operation_timeout=30)
        for outcome in deleted.values():
            outcome.result(_ANSWER_SECONDS)

    def take_uploads_up_to(self, max_message_bytes: int) -> None:
        """Let the topic of uploads take larger events than its contract says."""
        limit = ConfigEntry("max.message.bytes", str(max_message_bytes), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self.topic(UPLOADED.name), incremental_configs=[limit])
        admin = self._admin()
        for outcome in admin.incremental_alter_configs([resource]).values():
            outcome.result(_ANSWER_SECONDS)

    def command(
        self, *words: str, timeout_seconds: float = 120.0, module: str = "ops.cli"
    ) -> subprocess.CompletedProcess[str]:
        """Run `vidsignal` with this pipeline's settings and return how it ended and what it said."""
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return self.settings.topic_prefix + name

    def publish(self, *uploads: VideoUploaded) -> None:
        """Publish upload events as a producer would, and wait for confirmation."""
        producer = Producer(producer_configuration(self.settings))
        for upload in uploads:
            headers = event_headers(
                upload, event_id=f"{upload.video_id}:{upload.revision}", source="/tests", now_unix_seconds=time.time()
            )
            producer.produce(
                self.topic(UPLOADED.name), key=upload.video_id, value=encode(upload), headers=list(headers)
            )
            producer.poll(0)
        assert producer.flush(_ANSWER_SECONDS) == 0

    def publish_bytes(
        self, value: bytes | None, key: str | bytes = "k", headers: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        """Publish whatever bytes."""
        producer = Producer(producer_configuration(self.settings))
        producer.produce(self.topic(UPLOADED.name), key=key, value=value, headers=list(headers))
        assert producer.flush(_ANSWER_SECONDS) == 0

    def write(self, topic: str, *records: tuple[str, bytes | None]) -> None:
        """Put records, each a key and a value, into a topic in this order, and wait for confirmation."""
        producer = Producer(producer_configuration(self.settings))
        for key, value in records:
            producer.produce(self.topic(topic), key=key, value=value)
        assert producer.flush(_ANSWER_SECONDS) == 0

    def write_facts(self, *facts: Fact) -> None:
        """Put facts into the log, as roles and reviewers do."""
        self.write(SIGNALS.name, *((fact.video_id, encode(fact)) for fact in facts))

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of the highest version of each video, from the topic."""
        return self._newest(MODERATION.name, decode_verdict)

    def feature_records(self) -> dict[str, RecommendationRecord]:
        """The feature record of the highest version of each video, from the topic."""
        return self._newest(RECOMMENDATION.name, decode_record)

    def facts(self) -> list[Fact]:
        """All facts of the log, in the order of each partition."""
        return [decode_fact(record.value) for record in self.records(SIGNALS.name)]

    def signals(self, video_id: str) -> list[Signal]:
        """All signals of a video."""
        return [fact for fact in self.facts() if isinstance(fact, Signal) and fact.video_id == video_id]

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters."""
        values = [record.value for record in self.records(DEAD_LETTER.name)]
        return [msgspec.json.decode(value, type=DeadLetter) for value in values if value is not None]

    def reading(self, video_id: str) -> VideoReading | None:
        """What Redis serves about a video."""
        keys = Keys(self.settings.topic_prefix)
        return self.ask_store(lambda store: read_video(store, keys, video_id))

    def ask_store(self, question: Callable[[Redis], Awaitable[Found]]) -> Found:
        """Put one question to Redis."""

        async def ask() -> Found:
            async with Redis.from_url(self.settings.redis_url.get_secret_value()) as store:
                return await question(store)

        return asyncio.run(ask())

    def await_verdicts(
        self, video_ids: Iterable[str], timeout_seconds: float, status: str = "final"
    ) -> dict[str, Verdict]:
        """Wait until every video has a verdict of a status; fails with what is lacking."""
        wanted = set(video_ids)

        def decided() -> dict[str, Verdict] | None:
            self.require_workers()
            verdicts = self.verdicts()
            reached = {name for name in wanted if name in verdicts and verdicts[name].status == status}
            return verdicts if reached == wanted else None

        def lacking() -> str:
            verdicts = self.verdicts()
            states = {name: verdicts[name].status if name in verdicts else None for name in sorted(wanted)}
            return f"not {status}: {[item for item in states.items() if item[1] != status][:20]}"

        return await_value(decided, timeout_seconds, lacking)

    def await_dead_letters(self, number: int, timeout_seconds: float) -> list[DeadLetter]:
        """Wait until so many dead letters lie in the topic."""

        def enough() -> list[DeadLetter] | None:
            dead_letters = self.dead_letters()
            return dead_letters if len(dead_letters) >= number else None

        return await_value(enough, timeout_seconds, lambda: f"{len(self.dead_letters())} dead letters of {number}")

    def await_handled(self, *roles: Role, timeout_seconds: float = 120.0) -> None:
        """Wait until these roles have committed all that is in their topics; name them in the order of the walk.

        A verdict is in its topic before the feature record is in the other, before its vectors are stored and before
        it is counted; an event is committed when all of that is done.
        """
        for role in roles:
            self._await_handled(role, timeout_seconds)

    def require_workers(self) -> None:
        """Fail at once, with the end of its log, where a worker ended by itself."""
        for worker in self.workers:
            if worker.is_open:
                worker.child.require_alive()

    def records(self, topic: str) -> list[StoredRecord]:
        """All records of a topic as they lie in it, in the order of each partition."""
        return list(read_to_end(self.settings, [self.topic(topic)]))

    def _await_handled(self, role: Role, timeout_seconds: float) -> None:
        num_unhandled: int | str = "any of its"

        def has_handled() -> bool | None:
            nonlocal num_unhandled
            self.require_workers()
            try:
                num_unhandled = self._num_unhandled(role)
            except KafkaException as error:  # such as a coordinator that is only loading
                num_unhandled = str(error)
            return True if num_unhandled == 0 else None

        await_value(has_handled, timeout_seconds, lambda: f"{role} has not handled {num_unhandled} records")

    def _num_unhandled(self, role: Role) -> int:
        """Records that the group of a role has not committed."""
        topic, group = self.topic(TOPIC_OF_ROLE[role].name), group_of(self.settings, role)
        consumer = Consumer({**client_configuration(self.settings), "group.id": group, "enable.auto.commit": False})
        try:
            numbers = consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic].partitions
            places = [TopicPartition(topic, number) for number in numbers]
            committed = consumer.committed(places, timeout=_ANSWER_SECONDS)
            ends = [consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[1] for place in places]
        finally:
            consumer.close()
        return sum(max(0, end - max(0, place.offset)) for place, end in zip(committed, ends, strict=True))

    def _newest(self, topic: str, decode: Callable[[bytes], Found]) -> dict[str, Found]:
        newest: dict[str, Found] = {}
        for record in self.records(topic):
            if record.value is None:
                newest.pop((record.key or b"").decode(), None)
                continue
            found = decode(record.value)
            known = newest.get(found.video_id)
            if known is None or known.version <= found.version:
                newest[found.video_id] = found
        return newest

    def _admin(self) -> AdminClient:
        return AdminClient(client_configuration(self.settings))


def await_value(ask: Callable[[], Found | None], timeout_seconds: float, explain: Callable[[], str]) -> Found:
    """Ask again and again until there is an answer; fails with an explanation when there is none in time.

    Asks once more when the time is over: a machine that stood still meanwhile gets its answer, too.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        is_last = time.monotonic() >= deadline
        found = ask()
        if found is not None:
            return found
        if is_last:
            raise AssertionError(f"nothing within {timeout_seconds} s: {explain()}")
        time.sleep(ASK_SECONDS)


def upload_of(path: Path | str, video_id: str, **fields: object) -> VideoUploaded:
    """An upload event of a file."""
    return VideoUploaded(video_id=video_id, source=FileSource(path=str(path)), **fields)  # type: ignore[arg-type]
