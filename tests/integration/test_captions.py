"""Captions and a judge on a real Kafka and a real Redis: from a chat server to the record, the verdict, and gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.evidence import JUDGED
from schemas.topics import RECOMMENDATION
from schemas.uploads import DeletionRequested
from tests.pipeline import Pipeline, await_value, upload_of
from tests.support.chat_standin import INPUT_TOKENS, ChatStandin, pictures_of

pytestmark = pytest.mark.integration

SETTLED_SECONDS = 180.0
LABEL = "violence/weapons/gunfire-heard"
CAPTION = "A rabbit walks out of its burrow."
DOLLARS_PER_MILLION = "1000000"
"""A dollar a token: nothing else on a receipt is that dear."""
POLICY = f"""
name: judged
version: 1
rules:
  - label: violence
    thresholds: {{review: 0.99}}
judge:
  version: 1
  bands: {{{LABEL}: {{from: 0.0, to: 0.98}}}}
  random_ratio: 1.0
"""
ANSWERS = {"title": {"title": "A rabbit", "caption": CAPTION, "hashtags": ["Rabbit"]}, "q1": {"q1": "yes"}}


def reply(body: dict[str, Any]) -> str:
    """What is asked for."""
    asked = next(iter(body["response_format"]["json_schema"]["schema"]["properties"]))
    return json.dumps(ANSWERS[asked])


@pytest.fixture(scope="module")
def server() -> Iterator[ChatStandin]:
    with ChatStandin(reply) as standin:
        yield standin


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    """What the server was asked about the first video; `pipeline` fills it."""
    return []


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory,
    kafka: str,
    redis_server: RedisServer,
    samples: Path,
    server: ChatStandin,
    questions: list[dict[str, Any]],
) -> Iterator[Pipeline]:
    """One worker that asks the server about every video."""
    folder = tmp_path_factory.mktemp("captions")
    (folder / "policy.yaml").write_text(POLICY)
    with Pipeline.opened(
        folder,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[samples],
        model_server_hosts="127.0.0.1",
        openai_url=server.base_url,
        chat_model="tiny-vlm",
        captions_ratio="1",
        policy_file=str(folder / "policy.yaml"),
        usd_per_million_input_tokens=DOLLARS_PER_MILLION,
        usd_per_million_output_tokens="0",
        tombstone_repeat_seconds="2",
    ) as made:
        made.start_worker()
        made.publish(upload_of(samples / "bigbuckbunny.mp4", "rabbit"))
        made.await_verdicts(["rabbit"], SETTLED_SECONDS)
        questions += server.bodies
        yield made


def test_the_record_has_the_caption(pipeline: Pipeline) -> None:
    """In the topic and in Redis, with the names of model and question."""
    pipeline.await_handled("verdict")
    found = pipeline.feature_records()["rabbit"].features
    assert found["visual.caption"].value == CAPTION
    assert found["visual.caption"].model == "tiny-vlm@prompt-1"
    assert found["visual.caption_hashtags"].value == ["rabbit"]
    reading = pipeline.reading("rabbit")
    assert reading is not None
    assert CAPTION in repr(reading)


@pytest.mark.usefixtures("pipeline")
def test_the_server_saw_pictures(questions: list[dict[str, Any]]) -> None:
    """The same of both questions, and one question each."""
    assert len(questions) == 2
    numbers = {len(pictures_of(body)) for body in questions}
    assert len(numbers) == 1
    assert 1 <= numbers.pop() <= 4


def test_tokens_are_priced(pipeline: Pipeline) -> None:
    """A dollar for each token that was read."""
    cost = pipeline.verdicts()["rabbit"].cost
    assert cost.input_tokens == 2 * INPUT_TOKENS
    assert int(cost.usd) == 2 * INPUT_TOKENS


def test_the_judge_is_evidence(pipeline: Pipeline) -> None:
    """Held back, with what it was asked for; it may require a review and no more."""
    verdict = pipeline.verdicts()["rabbit"]
    (found,) = [label for label in verdict.labels if label.held_back == JUDGED]
    assert (found.label, found.model, found.uncalibrated) == (LABEL, "judge@1", True)
    assert found.judgement
    is_in_band = found.judgement.asked_for == "band"
    assert verdict.action == ("review" if is_in_band else "allow")


def test_the_log_says_nothing_of_it(pipeline: Pipeline) -> None:
    """No line of the worker quotes a caption."""
    logs = [path.read_text(errors="replace") for path in pipeline.folder.rglob("*.log")]
    assert logs
    assert all(CAPTION not in text for text in logs)


def test_a_server_that_hangs_costs_the_caption_alone(pipeline: Pipeline, server: ChatStandin, samples: Path) -> None:
    """The verdict is final without it, no modality is missing or failed, and the record says why."""
    server.hangs = True
    try:
        pipeline.publish(upload_of(samples / "small.mp4", "hanging"))
        verdict = pipeline.await_verdicts(["hanging"], SETTLED_SECONDS)["hanging"]
    finally:
        server.hangs = False
    assert (verdict.modalities.missing, verdict.modalities.failed) == ((), {})
    assert [label for label in verdict.labels if label.held_back == JUDGED] == []
    pipeline.await_handled("verdict")
    found = pipeline.feature_records()["hanging"].features
    assert found["visual.caption_state"].value == "late"
    assert "visual.caption" not in found


def test_it_is_forgotten_with_the_video(pipeline: Pipeline, samples: Path) -> None:
    """A deletion takes it from Redis, and a tombstone from the topic."""
    pipeline.publish(upload_of(samples / "bigbuckbunny.mp4", "deleted"))
    pipeline.await_verdicts(["deleted"], SETTLED_SECONDS)
    pipeline.await_handled("verdict")
    assert CAPTION in repr(pipeline.reading("deleted"))
    pipeline.publish_bytes(encode(DeletionRequested(video_id="deleted", deleted=True)), key="deleted")
    await_value(
        lambda: True if pipeline.reading("deleted") is None else None, SETTLED_SECONDS, lambda: "still in Redis"
    )
    await_value(
        lambda: True if "deleted" not in pipeline.feature_records() else None,
        SETTLED_SECONDS,
        lambda: f"still in {RECOMMENDATION.name}",
    )
