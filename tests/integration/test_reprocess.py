"""The backfill lane on a real Kafka, a real Redis and real workers: reprocessing after a model was replaced."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.card_registry import CARDS
from ops.local.metrics_page import read_metrics
from schemas.facts import Accepted
from schemas.topics import BACKFILL
from streams.backfill.progress import backfill_offsets
from streams.uploads.headers import JOB_HEADER, SHARE_HEADER
from tests.older_worker import OLDER_WORKER, REPLACED_MODEL
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

WAIT_SECONDS = 180.0
CLIPS = {"past-1": "car-telephone.mkv", "past-2": "crowd.mp3", "gone": "crowd.mp3"}
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}"


@pytest.fixture(scope="module")
def pipeline(
    kafka: str, redis_server: Any, samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """Three videos that a worker of the release before decided, one of which was then forgotten; a present one runs."""
    with Pipeline.opened(
        tmp_path_factory.mktemp("reprocess"),
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=(samples,),
        metrics_port="0",
        creator_live_uploads_per_minute="2",
    ) as opened:
        older = opened.start_worker("older", command=OLDER_WORKER)
        opened.publish(*(upload_of(samples / clip, video_id) for video_id, clip in CLIPS.items()))
        opened.await_verdicts(CLIPS, WAIT_SECONDS)
        said(opened, "forget", "gone")
        opened.await_handled("intake", "media", "verdict")  # so that nothing of it returns
        older.close()
        opened.start_worker("present")
        yield opened


def said(pipeline: Pipeline, *words: str) -> str:
    """What a command says; it must succeed."""
    ended = pipeline.command(*words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def reprocessed(pipeline: Pipeline, *words: str) -> dict[str, Any]:
    """What `reprocess --json` says."""
    found: dict[str, Any] = json.loads(said(pipeline, "reprocess", "--since", YESTERDAY, "--json", *words))
    return found


def looked_at(pipeline: Pipeline, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(pipeline, "reprocess", "status", job_id, "--json"))
    return found


def await_paused(pipeline: Pipeline) -> None:
    """Wait until the present worker knows of the pause."""
    port = pipeline.workers[-1].ready["metrics_port"]
    await_value(
        lambda: True if read_metrics(port).total("vidsignal_backfill_paused") else None,
        WAIT_SECONDS,
        lambda: "the worker did not see the pause",
    )


def frames_models(pipeline: Pipeline, video_id: str) -> list[str]:
    """Which version of the replaced model each frames signal of a video names, oldest first."""
    found = [signal for signal in pipeline.signals(video_id) if signal.modality == "frames"]
    return [signal.models[REPLACED_MODEL] for signal in found]


def test_a_replaced_model_goes_through_the_backfill_lane(pipeline: Pipeline, samples: Path) -> None:
    """Sent again is what the older model said, but not what was forgotten; a pause holds it, live uploads go on, and in
    the end the new model's results are what holds, one signal a modality and version."""
    before = pipeline.verdicts()
    said(pipeline, "reprocess", "pause")
    await_paused(pipeline)
    sent = reprocessed(pipeline, "--model", REPLACED_MODEL)
    job_id = sent["job"]["job_id"]
    assert (sent["num_chosen"], sent["skipped"]["forgotten"], sent["job"]["num_sent"]) == (2, 1, 2)
    records = pipeline.records(BACKFILL.name)
    sent_by_job = [record.key for record in records if dict(record.headers).get(JOB_HEADER) == job_id.encode()]
    assert sorted(sent_by_job, key=str) == [b"past-1", b"past-2"]

    pipeline.publish(upload_of(samples / "crowd.mp3", "live"))
    pipeline.await_verdicts(["live"], WAIT_SECONDS)
    progress = looked_at(pipeline, job_id)
    assert (progress["state"], progress["num_done"], progress["done_ratio"]) == ("paused", 0, 0.0)
    assert len(frames_models(pipeline, "past-1")) == 1

    said(pipeline, "reprocess", "resume")
    ends = {record.partition: record.offset + 1 for record in records}

    def is_done() -> bool | None:
        committed = backfill_offsets(pipeline.settings)
        return True if all(committed.get(partition, 0) >= end for partition, end in ends.items()) else None

    await_value(is_done, WAIT_SECONDS, lambda: str(looked_at(pipeline, job_id)))
    progress = looked_at(pipeline, job_id)
    assert (progress["state"], progress["done_ratio"], progress["eta_seconds"]) == ("done", 1.0, None)
    present = CARDS[REPLACED_MODEL].fingerprint
    for video_id in ("past-1", "past-2"):
        older, newer = frames_models(pipeline, video_id)
        assert (newer, older) == (present, present.replace("@0.1.0", "@0.0.1"))
        kinds = Counter((signal.modality, signal.fingerprint) for signal in pipeline.signals(video_id))
        assert {modality for modality, _ in kinds} == {"frames", "audio", "motion", "context"}
        assert (
            len({signal.signal_id for signal in pipeline.signals(video_id)}) == 5
        )  # frames again, the rest as claimed
    pipeline.await_handled("verdict")  # the new signals are folded, and what follows is out
    after = pipeline.await_verdicts(["past-1", "past-2"], WAIT_SECONDS)
    assert all(after[video_id].version > before[video_id].version for video_id in ("past-1", "past-2"))
    assert pipeline.reading("gone") is None
    again = reprocessed(pipeline, "--dry-run")
    assert (again["num_chosen"], again["skipped"]["forgotten"], set(again["skipped"])) == (
        0,
        1,
        {"forgotten", "up-to-date"},
    )


def test_a_producers_own_backfill_uploads(pipeline: Pipeline, samples: Path) -> None:
    """An upload of the lane is accepted at once with its long deadline, and answered once by the backfill role."""
    pipeline.publish(upload_of(samples / "crowd.mp3", "patient", lane="backfill"))
    verdict = pipeline.await_verdicts(["patient"], WAIT_SECONDS)["patient"]
    pipeline.await_handled("intake", "media", "backfill")  # every role has seen it
    assert verdict.deadline_unix_seconds - verdict.uploaded_unix_seconds == pytest.approx(7 * 86_400)
    [accepted] = [fact for fact in pipeline.facts() if isinstance(fact, Accepted) and fact.video_id == "patient"]
    assert accepted.lane == "backfill"
    assert sorted(signal.modality for signal in pipeline.signals("patient")) == ["audio", "context", "frames", "motion"]
    assert [record.key for record in pipeline.records(BACKFILL.name)].count(b"patient") == 1


def test_one_creators_flood(pipeline: Pipeline, samples: Path) -> None:
    """Beyond the creator's share of a minute the backfill role analyses; each video gets its verdict and one signal of
    each modality, and another creator's is not left to it."""
    flood = [f"flood-{number}" for number in range(6)]
    pipeline.publish(*(upload_of(samples / "crowd.mp3", name, creator_id="flood") for name in flood))
    pipeline.publish(upload_of(samples / "crowd.mp3", "another", creator_id="another"))
    verdicts = pipeline.await_verdicts([*flood, "another"], WAIT_SECONDS)
    left = {record.key for record in pipeline.records(BACKFILL.name) if SHARE_HEADER in dict(record.headers)}
    assert len(left) >= 2  # of six in at most two minutes, four are within the share
    assert left < {name.encode() for name in flood}
    assert {len(verdict.modalities.failed) for verdict in verdicts.values()} == {0}
    for name in flood:
        assert sorted(signal.modality for signal in pipeline.signals(name)) == ["audio", "context", "frames", "motion"]
