"""Commands that ask once do it without the libraries that workers need, and say what a worker stored."""

from __future__ import annotations

import msgspec
import pytest
import redis

from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import SourceOffset
from schemas.topics import DEAD_LETTER, MODERATION, SIGNALS, UPLOADED
from streams.config.settings import read_settings
from streams.kafka.confirmed_publishing import OutgoingRecord, publish_confirmed
from streams.store.keys import Keys
from tests.imported_modules import Run, run_command
from tests.librdkafka_hooks import MockCluster
from tests.unit.ops.cli.senders import refusal, verdict

VIDEO_ID = verdict().video_id


@pytest.fixture(scope="module")
def cluster() -> MockCluster:
    """A broker with one dead letter."""
    cluster = MockCluster()
    settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
    dead_letter = DeadLetter(
        dead_letter_id="a" * 64,
        source=SourceOffset(topic=UPLOADED.name, partition=0, offset=3),
        source_timestamp_unix_seconds=1.0,
        role="intake", cause="event-invalid", message="[bold]made by a test", attempts=1, failed_unix_seconds=1.0,
        key=VIDEO_ID.encode(), headers=(), value=b"{}", value_bytes=2, value_sha256="0" * 64,
    )  # fmt: skip
    records = [OutgoingRecord(topic.name, b"other", b"{}") for topic in (SIGNALS, MODERATION)]
    publish_confirmed(
        settings, [*records, OutgoingRecord(DEAD_LETTER.name, b"letter", msgspec.json.encode(dead_letter))]
    )
    return cluster


def run(cluster: MockCluster, redis_url: str, *words: str) -> Run:
    """With a store that knows one video."""
    keys = Keys()
    with redis.Redis.from_url(redis_url) as store:
        store.hset(keys.status(VIDEO_ID), mapping={"status": "final", "action": "allow", "revision": 1})
        store.set(keys.verdict(VIDEO_ID), encode(verdict()))
        store.hset(keys.refusals(VIDEO_ID), "letter-7", msgspec.json.encode(refusal()))
    environment = {"VIDSIGNAL_REDIS_URL": redis_url, "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
    return run_command(*words, environment=environment)


@pytest.mark.integration
class TestQuickCommands:
    def test_show(self, cluster: MockCluster, redis_url: str) -> None:
        """Case, verdict and refusals, for people and for scripts."""
        ended = run(cluster, redis_url, "show", VIDEO_ID)
        assert (ended.exit_code, ended.heavy) == (0, set()), ended.stderr
        assert ended.stdout.startswith(f"{VIDEO_ID}  final  allow  revision 1\n")
        assert "refused: event-invalid" in ended.stdout
        document = msgspec.json.decode(run(cluster, redis_url, "show", VIDEO_ID, "--json").stdout)
        assert document["verdict"] == msgspec.json.decode(encode(verdict()))

    def test_unknown_video(self, cluster: MockCluster, redis_url: str) -> None:
        """Exit code 1, on standard error."""
        ended = run(cluster, redis_url, "show", "nobody")
        assert (ended.exit_code, ended.stdout, ended.heavy) == (1, "", set())
        assert ended.stderr == "vidsignal: nothing is known of video 'nobody'\n"

    def test_dead_letters(self, cluster: MockCluster, redis_url: str) -> None:
        """The whole topic."""
        ended = run(cluster, redis_url, "dead-letters", "list")
        assert (ended.exit_code, ended.heavy) == (0, set()), ended.stderr
        assert f"aaaaaaaaaaaa  event-invalid  {VIDEO_ID}  video.uploaded/0@3" in ended.stdout
        assert "  [bold]made by a test\n" in ended.stdout

    def test_watch_until_a_refusal(self, cluster: MockCluster, redis_url: str) -> None:
        """It asks Redis next to the topics; a video whose time is up ends it."""
        ended = run(cluster, redis_url, "watch", "nobody", "--until-final", "--timeout", "0.1")
        assert (ended.exit_code, ended.heavy - {"pydantic"}) == (1, set()), ended.stderr

    def test_key_of_another_type(self, cluster: MockCluster, redis_url: str) -> None:
        """It is named, and the rest is shown."""
        with redis.Redis.from_url(redis_url) as store:
            store.set(Keys().status("broken"), "text")
        ended = run(cluster, redis_url, "show", "broken")
        assert (ended.exit_code, ended.heavy) == (0, set()), ended.stderr
        assert "cannot be read in Redis: status" in ended.stdout
