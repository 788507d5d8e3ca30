"""What the contracts tell users to type, run as it stands there against a real Kafka and a real Redis."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from redis.asyncio import Redis
from typer.testing import CliRunner

from ops.cli.main import app
from schemas.codec import decode_upload, encode
from schemas.engagement import EngagementEvent
from schemas.evidence import Embedding
from schemas.facts import Fact
from schemas.outcomes import Outcome, Version
from schemas.topics import UPLOADED
from streams.config.settings import read_settings
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.state import VideoState
from streams.engagement.counting import add_events
from streams.engagement.event_parsing import parse_event
from streams.kafka.clients import read_to_end
from streams.similarity.query import Filters, similar
from streams.similarity.vectors import Vectors
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from tests.documents import DOCS, code_blocks, section
from tests.integration.verdict_world import RULESET
from tests.sample_facts import UPLOADED_UNIX_SECONDS, accepted, feature, signal
from tests.unique_topics import UniqueTopics

VIDEO_ID = "v-42"
SPACE = "efficientnet-lite0/1280"
VECTOR = np.linspace(-1.0, 1.0, 1280).astype(np.float16).astype(np.float32)
FEATURES = {"motion.pace": "slow", "audio.speech_ratio": 0.25}
PARTITIONS = 4
LONGEST_SECONDS = 180.0
"""Nobody waits that long: it ends a snippet that says nothing."""
CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, UPLOADED_UNIX_SECONDS + 10.0)

PRODUCERS, RECOMMENDER = DOCS["producers.md"], DOCS["recommender.md"]
(PUBLISH,) = code_blocks(section(PRODUCERS, "Publish an upload"), "python")
(CONSUME,) = code_blocks(section(DOCS["trust-and-safety.md"], "Consume verdicts"), "python")
READ, DECODE = code_blocks(section(RECOMMENDER, "Read features"), "python")
(REDIS_CLI,) = code_blocks(section(RECOMMENDER, "Read features"), "sh")
(ENGAGE,) = code_blocks(section(PRODUCERS, "Engagement"), "python")
(READ_ENGAGEMENT,) = code_blocks(section(RECOMMENDER, "Read engagement"), "python")
(ENGAGE_COMMANDS,) = code_blocks(section(PRODUCERS, "Engagement"), "sh")
(VSIM,) = code_blocks(section(RECOMMENDER, "Similar videos"), "text")


def replaced(snippet: str, **words: str) -> str:
    """The snippet with addresses and names of the test in place of the document's, each of which must be there."""
    for said, meant in words.items():
        word = {"kafka": "127.0.0.1:9092", "redis": "redis://127.0.0.1:6379/0", "group": "trust-and-safety"}.get(
            said, said.replace("_", ".")
        )
        assert f'"{word}"' in snippet, word
        snippet = snippet.replace(f'"{word}"', f'"{meant}"')
    return snippet


def run_snippet(snippet: str) -> dict[str, Any]:
    """Run it here, and return its names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(snippet, "documents", "exec"), names)
    return names


@contextmanager
def running(snippet: str) -> Iterator[Iterator[str]]:
    """Run a snippet that never ends in a process of its own; yields the lines that it prints."""
    command = [sys.executable, "-c", snippet]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LONGEST_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        yield (line.strip() for line in process.stdout)
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def folded(*facts: Fact) -> tuple[VideoState, Outcome]:
    """State and outcome of facts from offset 0 on."""
    state, outcome = None, None
    for offset, fact in enumerate(facts):
        made = fold(state, fact, offset, CONTEXT)
        state, outcome = made.state, made.outcome or outcome
    assert state is not None
    assert outcome is not None
    return state, outcome


def answered(video_id: str, market: str | None = None) -> tuple[VideoState, Outcome]:
    """A video whose only modality answered, with the features and the embedding that the documents read."""
    embedding = Embedding.pack(
        VECTOR.tolist(), space=SPACE, model="efficientnet-lite0@0.1.0", event_unix_seconds=UPLOADED_UNIX_SECONDS
    )
    answer = signal(
        "frames",
        video_id=video_id,
        features={name: feature(value) for name, value in FEATURES.items()},
        embeddings={SPACE: embedding},
    )
    return folded(accepted(video_id=video_id, expected=("frames",), market=market), answer)


@pytest.fixture
async def stored(redis_url: str) -> AsyncIterator[str]:
    """A Redis with one video in it, written by the product's own store."""
    client = Redis.from_url(redis_url)
    state, outcome = answered(VIDEO_ID)
    assert await Outcomes(client, Keys()).replace(VIDEO_ID, None, state, outcome)
    await client.aclose()
    yield redis_url


def only_record(bootstrap_servers: str, topic: str) -> Message:
    """The one record of a topic, wherever it is."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    message = consumer.poll(LONGEST_SECONDS)
    consumer.close()
    assert message is not None
    assert message.error() is None
    return message


class TestPublish:
    def test_an_upload_is_published(self, kafka: str, topics: UniqueTopics) -> None:
        """The event is one that intake accepts, under its key, in the partition that Java and Faust compute."""
        topic = topics.create("uploaded", PARTITIONS)
        run_snippet(replaced(PUBLISH, kafka=kafka, video_uploaded=topic))
        message = only_record(kafka, topic)
        upload = decode_upload(message.value())
        assert (upload.video_id, upload.deadline_seconds, upload.market) == (VIDEO_ID, 30.0, "DE")
        assert message.key() == VIDEO_ID.encode()
        assert message.partition() == (murmur2(VIDEO_ID.encode()) & 0x7FFFFFFF) % PARTITIONS

    def test_the_largest_upload_passes(self, kafka: str, topics: UniqueTopics) -> None:
        """A client as it comes refuses what the contract allows: 100,000 characters of a description as json.dumps
        spells emoji are 1.2 MB."""
        topic = topics.create("uploaded", PARTITIONS, UPLOADED.configuration())
        snippet = replaced(PUBLISH, kafka=kafka, video_uploaded=topic)
        snippet = snippet.replace('"title": ', '"description": "\\U0001f3ac" * 100_000, "title": ')
        run_snippet(snippet)
        value = only_record(kafka, topic).value()
        assert len(value) > 1_200_000
        assert len(decode_upload(value).description) == 100_000

    def test_a_topic_that_is_not_there_ends_it(self, kafka: str, topics: UniqueTopics) -> None:
        """The wait is bounded, and what was not confirmed is an error."""
        snippet = replaced(PUBLISH, kafka=kafka, video_uploaded=topics.name("uplaoded"))
        assert "flush(30.0)" in snippet
        with pytest.raises((TimeoutError, KafkaException)):
            run_snippet(snippet.replace("flush(30.0)", "flush(1.0)"))

    def test_is_a_dozen_lines(self) -> None:
        """That is what a producer has to write."""
        assert len([line for line in PUBLISH.splitlines() if line.strip()]) <= 12


class TestConsume:
    def test_keeps_the_highest_version(self, kafka: str, topics: UniqueTopics) -> None:
        """A verdict is acted on once, and a stale one that is behind it never."""
        topic = topics.create("moderation", partitions=1)
        stale, newest = outcome_at("a", 1), outcome_at("a", 2)
        producer = Producer({"bootstrap.servers": kafka})
        for outcome in (newest, stale, newest, outcome_at("b", 1)):
            producer.produce(topic, key=outcome.verdict.video_id, value=encode(outcome.verdict))
        assert producer.flush(LONGEST_SECONDS) == 0
        words = newest.verdict.reasons[0].words
        snippet = replaced(CONSUME, kafka=kafka, group=topics.name("safety"), video_moderation=topic)
        with running(snippet) as lines:
            assert [next(lines), next(lines)] == [f"a final allow {words}", f"b final allow {words}"]

    def test_survives_a_tombstone(self, kafka: str, topics: UniqueTopics) -> None:
        """A record without a value says that the video was deleted."""
        topic = topics.create("moderation", partitions=1)
        producer = Producer({"bootstrap.servers": kafka})
        producer.produce(topic, key="gone", value=None)
        producer.produce(topic, key="b", value=encode(outcome_at("b", 1).verdict))
        assert producer.flush(LONGEST_SECONDS) == 0
        snippet = replaced(CONSUME, kafka=kafka, group=topics.name("safety"), video_moderation=topic)
        with running(snippet) as lines:
            assert next(lines) == "gone was deleted"
            assert next(lines).startswith("b final allow")


def outcome_at(video_id: str, offset: int) -> Outcome:
    """The same outcome under a version of choice."""
    _, outcome = answered(video_id)
    version = Version(revision=1, generation=0, offset=offset)
    return msgspec.structs.replace(outcome, verdict=msgspec.structs.replace(outcome.verdict, version=version))


class TestRead:
    async def test_features_in_one_call(self, stored: str, capsys: pytest.CaptureFixture[str]) -> None:
        """All features of the video, with values, times and models."""
        names = run_snippet(replaced(READ, redis=stored))
        assert READ.count("store.") == 1
        assert FEATURES == {name: found["value"] for name, found in names["features"].items()}
        assert {"value", "event_unix_seconds", "model"} == set(names["features"]["motion.pace"])
        assert capsys.readouterr().out == "slow 0.25\n"

    async def test_redis_cli(self, stored: str) -> None:
        """The words that `redis-cli` sends mean to the server what the page says."""
        every, some = (shlex.split(line)[1:] for line in REDIS_CLI.splitlines())
        client = Redis.from_url(stored, decode_responses=True, protocol=2)
        found = await client.execute_command(*every)
        values = await client.execute_command(*some)
        await client.aclose()
        assert set(FEATURES) == set(found)
        assert list(FEATURES.values()) == [msgspec.json.decode(value)["value"] for value in values]

    async def test_an_embedding(self, stored: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The vector that the agent packed, in half precision."""
        names = run_snippet(replaced(DECODE, redis=stored))
        np.testing.assert_array_equal(names["vector"], VECTOR)
        assert capsys.readouterr().out == "efficientnet-lite0@0.1.0 (1280,)\n"


class TestEngagement:
    def test_an_event_is_published(self, kafka: str, topics: UniqueTopics) -> None:
        """The event is one that counts, in the partition that Java and Faust compute."""
        topic = topics.create("engagement", PARTITIONS)
        run_snippet(replaced(ENGAGE, kafka=kafka, video_engagement=topic))
        message = only_record(kafka, topic)
        event = parse_event(message, time.time()).event
        assert (event.video_id, event.kind, event.watch_seconds) == (VIDEO_ID, "view", 12.5)
        assert message.partition() == (murmur2(VIDEO_ID.encode()) & 0x7FFFFFFF) % PARTITIONS

    def test_commands_send_what_they_say(self, kafka: str, topics: UniqueTopics) -> None:
        """One event, then a made-up stream of as many as asked for, all of the video."""
        topic = topics.create("video.engagement", PARTITIONS)
        environment = {"VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": kafka, "VIDSIGNAL_TOPIC_PREFIX": f"{topics.prefix}."}
        for line in ENGAGE_COMMANDS.splitlines():
            assert CliRunner().invoke(app, shlex.split(line)[1:], env=environment).exit_code == 0, line
        keys = [record.key for record in read_to_end(read_settings(kafka_bootstrap_servers=kafka), [topic])]
        assert keys == [VIDEO_ID.encode()] * 1001

    async def test_counts_are_read(self, redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        """As the engagement role writes them."""
        views = [
            EngagementEvent(event_id=f"{number}", video_id=VIDEO_ID, kind="view", event_unix_seconds=1.0)
            for number in range(3)
        ]
        async with Redis.from_url(redis_url) as client:
            await client.set(Keys().engagement(VIDEO_ID), encode(add_events(None, views)))
        run_snippet(replaced(READ_ENGAGEMENT, redis=redis_url))
        counted, rate = capsys.readouterr().out.split()
        assert counted == "3"
        assert 0.0 < float(rate) < 1.0


class TestSimilar:
    async def test_the_call_is_what_the_command_asks(self, redis_url: str) -> None:
        """The same videos, the video itself first, and scores that are (1 + cosine) / 2."""
        async with Redis.from_url(redis_url, protocol=2) as client:
            vectors = Vectors(client, Keys())
            for video_id, market in ((VIDEO_ID, "DE"), ("alike", "DE"), ("abroad", "FR")):
                await vectors.replace(answered(video_id, market)[1])
            answer = await client.execute_command(*shlex.split(VSIM))
            expected = await similar(client, Keys(), VIDEO_ID, filters=Filters("DE", is_allowed_only=True))
        assert [name.decode() for name in answer[::2]] in ([VIDEO_ID, "alike"], ["alike", VIDEO_ID])
        assert [neighbour.video_id for neighbour in expected] == ["alike"]
        assert [2.0 * float(score) - 1.0 for score in answer[1::2]] == pytest.approx(
            [1.0, expected[0].cosine], abs=0.001
        )
