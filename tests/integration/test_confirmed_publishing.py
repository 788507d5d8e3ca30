"""Commands that publish, on a broker that refuses or stays silent: none of them says that it published."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import redis
from confluent_kafka import KafkaError
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import SourceOffset
from schemas.topics import DEAD_LETTER, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.backfill.backfill_publishing import JobSender
from streams.backfill.jobs import Job, JobFilter
from streams.backfill.past_uploads import PastUpload
from streams.config.settings import read_settings
from streams.kafka.clients import StoredRecord, read_to_end
from streams.kafka.confirmed_publishing import ConfirmingProducer, NotConfirmed, OutgoingRecord, publish_confirmed
from streams.store.keys import Keys
from tests.librdkafka_hooks import MockCluster

_MANY = 120_000
"""More than a producer's queue holds."""


@pytest.fixture(scope="module")
def cluster() -> MockCluster:
    """A broker that never refused anything."""
    return MockCluster()


@pytest.fixture
def refusing() -> MockCluster:
    """A broker that lets nobody produce, once it holds a dead letter."""
    cluster = MockCluster()
    settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
    publish_confirmed(settings, [OutgoingRecord(DEAD_LETTER.name, b"letter", msgspec.json.encode(_dead_letter()))])
    cluster.refuse_produces(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    return cluster


def _dead_letter() -> DeadLetter:
    return DeadLetter(
        dead_letter_id="a" * 64,
        source=SourceOffset(topic=UPLOADED.name, partition=0, offset=3),
        source_timestamp_unix_seconds=1.0,
        role="intake",
        cause="event-invalid",
        message="made by a test",
        attempts=1,
        failed_unix_seconds=1.0,
        key=b"v-42",
        value=b"{}",
        value_bytes=2,
        value_sha256="0" * 64,
        headers=(),
    )


class TestCommands:
    @pytest.mark.parametrize(
        "words",
        [
            ("forget", "v-42", "--wait", "0"),
            ("publish", "{clip}", "--video-id", "v-42"),
            ("review", "v-42", "--action", "block", "--by", "ann", "--wait", "0"),
            ("engagement", "publish", "v-42", "view"),
            ("dead-letters", "redrive", "--all"),
        ],
        ids=lambda words: " ".join(words[:2]),
    )
    def test_a_refusal_is_told(
        self,
        words: tuple[str, ...],
        refusing: MockCluster,
        redis_url: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What the broker refused is no success: the exit code is 3, and the broker's word is printed."""
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"some media")
        with redis.Redis.from_url(redis_url) as store:
            store.hset(Keys().status("v-42"), "revision", 1)
        monkeypatch.setenv("VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS", refusing.bootstrap_servers)
        monkeypatch.setenv("VIDSIGNAL_REDIS_URL", redis_url)
        done = CliRunner().invoke(app, [word.format(clip=clip) for word in words])
        assert done.exit_code == ExitCode.UNAVAILABLE, done.output
        assert "Topic authorization failed" in done.output


class TestPublishConfirmed:
    def test_more_than_the_queue_holds(self, cluster: MockCluster) -> None:
        """Records beyond the client's queue wait for it, and all are confirmed."""
        settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        records = (OutgoingRecord("many", str(n).encode(), b"x") for n in range(_MANY))
        assert publish_confirmed(settings, records) == _MANY
        assert sum(1 for _ in read_to_end(settings, ["many"])) == _MANY

    def test_too_large_for_the_client_is_a_refusal(self, cluster: MockCluster) -> None:
        """What the client itself does not take counts as refused, is named, and does not keep the others back."""
        settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        records = [OutgoingRecord("sizes", b"large", b"x" * 20_000_000), OutgoingRecord("sizes", b"small", b"x")]
        with pytest.raises(NotConfirmed, match=r"the broker refused 1 of 2 records: 'large' for sizes"):
            publish_confirmed(settings, records)
        assert [record.key for record in read_to_end(settings, ["sizes"])] == [b"small"]

    def test_no_confirmation_in_time(self) -> None:
        """Where the broker is slower than we wait, the number of unconfirmed records is told."""
        cluster = MockCluster()
        cluster.slow_down(round_trip_milliseconds=1_500)
        producer = ConfirmingProducer(read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers))
        producer.send(OutgoingRecord("silent", b"k", b"x"))
        with pytest.raises(NotConfirmed, match=r"did not confirm 1 of 1 record within 0\.01 s"):
            producer.confirm(timeout_seconds=0.01)


class TestJobSender:
    def test_offsets_of_every_partition(self, cluster: MockCluster) -> None:
        """The job knows the first and the next offset of each partition, and how many uploads were confirmed."""
        settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers, topic_prefix="job.")
        filters = JobFilter(since_unix_seconds=0.0)
        sender = JobSender(settings, Job(job_id="j", created_unix_seconds=0.0, filter=filters))
        for page in range(2):
            sender.send([_past_upload(page * 20 + number) for number in range(20)])
        job = sender.job
        found = list(read_to_end(settings, ["job.video.backfill"]))
        ends = dict.fromkeys(job.end_offsets, 0)
        for record in found:
            ends[record.partition] = max(ends[record.partition], record.offset + 1)
        assert job.num_sent == len(found) == 40
        assert job.end_offsets == ends
        assert job.first_offsets == dict.fromkeys(ends, 0)


def _past_upload(number: int) -> PastUpload:
    video_id = f"v-{number}"
    upload = VideoUploaded(video_id=video_id, source=FileSource(path="/media/clip.mp4"))
    record = StoredRecord(UPLOADED.name, 0, number, 1.0, video_id.encode(), encode(upload), ())
    return PastUpload(upload, record)
