"""Redis or Kafka away for half a minute in the middle of the work: work waits, nothing is lost or given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.assets.cache import default_cache_dir
from ops.local.kafka_server import KafkaCluster
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.identity import MODALITIES
from streams.recovery.result_comparison import compare, read_projection_from_redis, read_projection_from_topics
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

UNAVAILABLE_SECONDS = 30.0
NUM_IN_A_WAVE = 12
MOST_WAVES = 5
CLIPS = ("car-telephone.mkv", "bikes.mp4", "obama_speech.mp4", "crowd.mp3")
FINAL_SECONDS = 300

RedisOutage = Callable[[RedisServer], None]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of one's own, that keeps what it confirmed."""
    with scratch_dir() as folder, RedisServer(folder / "redis", persistent=True) as server:
        yield server


@pytest.fixture
def broker(kafka_jars: None) -> Iterator[KafkaCluster]:
    """A Kafka of one's own, of one broker."""
    with scratch_dir() as folder, KafkaCluster(folder / "kafka", default_cache_dir()) as cluster:
        yield cluster


def hang(server: RedisServer) -> None:
    """It keeps its connections and answers nothing, then goes on."""
    server.child.pause()
    time.sleep(UNAVAILABLE_SECONDS)
    server.child.resume()


def die(server: RedisServer) -> None:
    """It is killed, its port refuses, then it comes back with all that it had confirmed."""
    server.kill()
    time.sleep(UNAVAILABLE_SECONDS)
    server.restart()


def publish_and_reach_the_middle(pipeline: Pipeline) -> list[str]:
    """Publish, and return what was published when some have their verdict and others have not.

    A machine that hangs a while may find all of a wave through: then another one follows.
    """
    pipeline.start_worker()
    names: list[str] = []
    for number in range(MOST_WAVES):
        wave = [f"video-{number}-{place}" for place in range(NUM_IN_A_WAVE)]
        names += wave
        if len(_first_final(pipeline, wave)) < len(wave):
            return names
    raise AssertionError(f"after none of {MOST_WAVES} waves was anything in flight")


def _first_final(pipeline: Pipeline, wave: list[str]) -> set[str]:
    """Publish a wave, and return what of it is final when anything is."""
    clips = (CLIPS[place % len(CLIPS)] for place in range(len(wave)))
    pipeline.publish(
        *(upload_of(clip, name, title="Half a minute of nothing") for clip, name in zip(clips, wave, strict=True))
    )

    def final() -> set[str] | None:
        pipeline.require_workers()
        found = {name for name, verdict in pipeline.verdicts().items() if verdict.status == "final"}
        return found.intersection(wave) or None

    return await_value(final, FINAL_SECONDS, lambda: "no verdict at all")


def require_all_well(pipeline: Pipeline, names: list[str]) -> None:
    """Every video final and from all modalities, no dead letter, store and topics agree, the worker is the same."""
    verdicts = pipeline.await_verdicts(names, FINAL_SECONDS)
    pipeline.await_handled("intake", "media", "verdict")
    [worker] = pipeline.workers
    worker.child.require_alive()
    assert [name for name in names if verdicts[name].modalities.failed or verdicts[name].modalities.missing] == []
    assert pipeline.dead_letters() == []
    keys = Keys(pipeline.settings.topic_prefix)
    stored = pipeline.ask_store(lambda store: read_projection_from_redis(store, keys))
    assert set(stored) == set(names)
    assert compare(read_projection_from_topics(pipeline.settings), stored) == []
    for name in names:
        signals = pipeline.signals(name)
        assert {signal.modality for signal in signals} == set(MODALITIES)
        assert len({(signal.modality, signal.signal_id) for signal in signals}) == len(MODALITIES)


class TestRedisUnavailable:
    """The store of claims, states and outcomes."""

    @pytest.mark.parametrize("outage", [hang, die])
    def test_work_waits(
        self, kafka: str, redis: RedisServer, samples: Path, tmp_path: Path, outage: RedisOutage
    ) -> None:
        """Every upload becomes final once Redis is back, whether it hung or died."""
        with Pipeline.opened(
            tmp_path / "pipeline", bootstrap_servers=kafka, redis_url=redis.url, media_roots=[samples]
        ) as pipeline:
            names = publish_and_reach_the_middle(pipeline)
            outage(redis)
            require_all_well(pipeline, names)


class TestKafkaUnavailable:
    """The log and the source of all events."""

    def test_work_waits(self, broker: KafkaCluster, redis: RedisServer, samples: Path, tmp_path: Path) -> None:
        """The broker hangs: what was taken is kept, what could not be published waits, and all becomes final."""
        servers = broker.bootstrap_servers
        with Pipeline.opened(
            tmp_path / "pipeline", bootstrap_servers=servers, redis_url=redis.url, media_roots=[samples]
        ) as pipeline:
            names = publish_and_reach_the_middle(pipeline)
            [node] = broker.node_ids
            broker.pause(node)
            time.sleep(UNAVAILABLE_SECONDS)
            broker.resume(node)
            broker.await_serving()
            require_all_well(pipeline, names)
