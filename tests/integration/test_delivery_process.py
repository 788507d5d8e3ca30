"""The worker as a process: ready line, exit codes, a broker that is late, a store that was lost. No models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from schemas.codec import encode
from schemas.topics import DEAD_LETTER, SIGNALS, TOPICS, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.kafka.clients import producer_configuration, read_to_end
from streams.kafka.publisher import Publisher
from streams.lifecycle.fatal_error import WorkerExit
from streams.uploads.headers import REDRIVE_HEADER
from tests.integration.delivery_process import WAIT_SECONDS, end, stop, wait_until
from tests.unique_topics import UniqueTopics


@pytest.fixture
def settings(topics: UniqueTopics, redis_url: str) -> Settings:
    """Of a stack with topics of its own."""
    for topic in TOPICS:
        topics.create(topic.name, partitions=2)
    return read_settings(
        kafka_bootstrap_servers=topics.bootstrap_servers,
        redis_url=redis_url,
        topic_prefix=f"{topics.prefix}.",
        roles=("intake", "verdict"),
    )


@contextmanager
def started(settings: Settings, log: Path, extra: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process of the light roles; it may not be ready yet."""
    environment = {
        **os.environ,
        "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "VIDSIGNAL_REDIS_URL": settings.redis_url.get_secret_value(),
        "VIDSIGNAL_TOPIC_PREFIX": settings.topic_prefix,
        "VIDSIGNAL_ROLES": ",".join(settings.roles),
        **(extra or {}),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.worker.worker"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=Path(__file__).parents[2],
        )
    try:
        yield process
    finally:
        end(process)


def ready_line(process: subprocess.Popen[bytes]) -> dict[str, object]:
    """Wait for the line that says that it is ready."""
    assert process.stdout is not None
    line: dict[str, object] = json.loads(process.stdout.readline())
    return line


async def publish(settings: Settings, key: str, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
    """Publish one upload event."""
    publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
    await publisher.publish(UPLOADED, key, value, headers=headers)
    await publisher.close()


def upload(video_id: str) -> bytes:
    """A valid upload event."""
    return encode(VideoUploaded(video_id=video_id, source=FileSource(path="clip.mp4")))


class TestLightRoles:
    async def test_uploads_become_cases(self, settings: Settings, tmp_path: Path) -> None:
        """Intake registers, logs that and passes the redrive header on; the verdict is pending."""
        with started(settings, tmp_path / "log") as process:
            assert ready_line(process)["roles"] == ["intake", "verdict"]
            await publish(settings, "video", upload("video"), ((REDRIVE_HEADER, b"2"),))
            with redis.Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True) as store:
                key = f"{settings.topic_prefix}vs:{{video}}:verdict"
                wait_until(lambda: store.exists(key) == 1, "there is a verdict")
                assert json.loads(str(store.get(key)))["status"] == "pending"
            assert stop(process) == WorkerExit.STOPPED
        records = list(read_to_end(settings, [settings.topic_prefix + SIGNALS.name]))
        assert [json.loads(record.value or b"")["kind"] for record in records] == ["accepted"]
        assert dict(records[0].headers)[REDRIVE_HEADER] == b"2"

    async def test_what_cannot_be_read_is_dead_lettered_once(self, settings: Settings, tmp_path: Path) -> None:
        """Broken JSON and a key that is not the video's each give one dead letter, and hold nothing up."""
        with started(settings, tmp_path / "log") as process:
            ready_line(process)
            await publish(settings, "video", b"{")
            await publish(settings, "other", upload("video"))
            topic = settings.topic_prefix + DEAD_LETTER.name
            wait_until(lambda: len(list(read_to_end(settings, [topic]))) == 2, "there are two letters")
            assert stop(process, signal.SIGINT) == WorkerExit.STOPPED
        causes = {json.loads(record.value or b"")["cause"] for record in read_to_end(settings, [topic])}
        assert causes == {"event-not-json", "event-invalid"}

    def test_light_roles_do_without_torch(self) -> None:
        """A worker without the media role never pays for torch."""
        code = "import sys, streams.worker.worker; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestStart:
    def test_a_wrong_policy_is_said_and_not_retried(self, settings: Settings, tmp_path: Path) -> None:
        """An invalid policy ends the worker before it joins, with the message and the code for misconfiguration."""
        policy = tmp_path / "policy.yaml"
        policy.write_text("nonsense: true\n")
        with started(settings, tmp_path / "log", {"VIDSIGNAL_POLICY_FILE": str(policy)}) as process:
            assert process.wait(WAIT_SECONDS) == WorkerExit.MISCONFIGURED
        assert "nonsense" in (tmp_path / "log").read_text()

    def test_waits_for_its_topics(self, topics: UniqueTopics, redis_url: str, tmp_path: Path) -> None:
        """A worker that starts before its topics exist joins when they do."""
        settings = read_settings(
            kafka_bootstrap_servers=topics.bootstrap_servers,
            redis_url=redis_url,
            topic_prefix=f"{topics.prefix}.",
            roles=("intake", "verdict"),
        )
        log = tmp_path / "log"
        with started(settings, log) as process:
            wait_until(lambda: "does not exist" in log.read_text(), "it says what is missing")
            for topic in TOPICS:
                topics.create(topic.name, partitions=2)
            assert ready_line(process)["event"] == "ready"

    def test_waits_for_a_broker(self, redis_url: str, tmp_path: Path) -> None:
        """A worker whose broker is down waits, and still stops when asked to."""
        settings = read_settings(
            kafka_bootstrap_servers="127.0.0.1:9",
            redis_url=redis_url,
            roles=("intake",),
        )
        log = tmp_path / "log"
        with started(settings, log) as process:
            wait_until(lambda: "broker unavailable; waiting" in log.read_text(), "it says that it waits")
            assert process.poll() is None
            assert stop(process) == WorkerExit.STOPPED


class TestLostStore:
    async def test_refuses_an_emptied_store(self, settings: Settings, redis_url: str, tmp_path: Path) -> None:
        """Where Redis lost what was committed, the verdict role does not go on as if nothing had happened."""
        with started(settings, tmp_path / "log") as process:
            ready_line(process)
            await publish(settings, "video", upload("video"))
            with redis.Redis.from_url(redis_url) as store:
                wait_until(lambda: store.keys("*vs:applied:*") != [], "progress is kept")
            assert stop(process) == WorkerExit.STOPPED
        with redis.Redis.from_url(redis_url) as store:
            store.flushall()
        with started(settings, tmp_path / "log") as process:
            assert process.wait(WAIT_SECONDS) == WorkerExit.NEEDS_REBUILD
        assert "vidsignal rebuild" in (tmp_path / "log").read_text()

    async def test_catches_up_a_store_that_is_behind(self, settings: Settings, redis_url: str, tmp_path: Path) -> None:
        """Where Redis is an older copy, the verdict role folds again what Redis misses."""
        with started(settings, tmp_path / "log") as process, redis.Redis.from_url(redis_url) as store:
            ready_line(process)
            await publish(settings, "video", upload("video"))
            wait_until(lambda: store.keys("*vs:applied:*") != [], "progress is kept")
            assert stop(process) == WorkerExit.STOPPED
            store.delete(*store.keys("*{video}*"))
            for applied in store.keys("*vs:applied:*"):  # of every partition: an idle one has its own
                store.set(applied, 0)
            assert store.keys("*{video}*") == []
        with started(settings, tmp_path / "log") as process, redis.Redis.from_url(redis_url) as store:
            ready_line(process)
            wait_until(lambda: store.exists(f"{settings.topic_prefix}vs:{{video}}:verdict") == 1, "it is folded again")
