"""What `vidsignal size --measure` weighs in Redis and Kafka, on a verdict worker's real output."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ops.bench.competitors import publish
from ops.engagement_stream import engagement_stream, publish_events
from ops.sizing.measure_light_roles import LightStage, light_role_rates
from ops.sizing.measure_log import log_figures
from ops.sizing.measure_store import store_figures
from schemas.codec import encode, event_headers
from schemas.facts import Fact
from schemas.identity import MODALITIES
from schemas.topics import SIGNALS, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.kafka.clients import producer_configuration
from tests.pipeline import Pipeline
from tests.sample_facts import accepted, signal

pytestmark = pytest.mark.integration

VIDEO_IDS = ["loaded-1", "loaded-2"]


def facts(video_id: str) -> list[Fact]:
    now = time.time()
    begun = accepted(video_id=video_id, uploaded_unix_seconds=now, deadline_unix_seconds=now + 600, expected=MODALITIES)
    return [begun, *(signal(modality, video_id=video_id) for modality in MODALITIES)]


def say(pipeline: Pipeline) -> None:
    """Uploads, their facts, and some engagement, as if a media worker had been there."""
    producer = Producer(producer_configuration(pipeline.settings))
    uploads = [VideoUploaded(video_id=name, source=FileSource(path="/media/clip.mp4")) for name in VIDEO_IDS]
    publish(producer, pipeline.topic(UPLOADED.name), uploads)
    for fact in (fact for name in VIDEO_IDS for fact in facts(name)):
        headers = event_headers(fact, event_id=fact.video_id, source="/test", now_unix_seconds=time.time())
        topic = pipeline.topic(SIGNALS.name)
        producer.produce(topic, key=fact.video_id, value=encode(fact), headers=list(headers))
    assert producer.flush(60) == 0
    publish_events(pipeline.settings, engagement_stream(VIDEO_IDS, 20, time.time(), seed=1))


def test_bytes_and_rates_of_a_real_run(tmp_path: Path, kafka: str, redis_url: str) -> None:
    """Every kind that a verdict worker writes weighs something; both light roles have a rate."""
    with Pipeline.opened(tmp_path, bootstrap_servers=kafka, redis_url=redis_url, media_roots=[tmp_path]) as pipeline:
        say(pipeline)
        pipeline.start_worker(roles="verdict")
        pipeline.await_verdicts(VIDEO_IDS, 120)
        pipeline.await_handled("verdict")
        store, log = store_figures(pipeline.settings, VIDEO_IDS), log_figures(pipeline.settings, "loaded-")
        rates = light_role_rates(LightStage(pipeline.settings, pipeline.environment, tmp_path), num_videos=40)
    assert store.pop("redis_claims_bytes_per_video") == 0.0  # the media role's
    assert {name: value for name, value in store.items() if value <= 50} == {}
    assert {name: value for name, value in log.items() if value <= 50} == {}
    # pending and final, of which compaction keeps the last
    assert log["log_moderation_last_bytes"] < log["log_moderation_bytes_per_video"]
    assert all(rate > 0 for rate in rates.values())
