"""`vidsignal policy apply` on a real Kafka and a real Redis: old verdicts under a new policy, from kept signals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local.redis_server import RedisServer
from schemas.facts import Accepted, Fact, PolicyChanged, Review
from schemas.outcomes import Action
from tests.pipeline import Pipeline
from tests.sample_facts import accepted, signal

SETTLED_SECONDS = 180.0
NUDITY = "sexual/explicit/nudity"
DECIDED = ("rude", "clean", "judged")
SCORE = 0.7
POLICY = """
name: house
version: {version}
rules:
  - label: sexual/explicit/nudity
    thresholds: {{limit: {limit}}}
"""


@pytest.fixture
def pipeline(tmp_path: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """Topics and a store; the test starts a worker under one policy, and another under the next."""
    with Pipeline.opened(
        tmp_path,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[],
        partitions=2,
        policy_file=str(tmp_path / "policy.yaml"),
    ) as made:
        yield made


def start_under(pipeline: Pipeline, version: int, limit: float) -> None:
    """Change the policy file, and start a worker of the verdict role that reads it."""
    (pipeline.folder / "policy.yaml").write_text(POLICY.format(version=version, limit=limit))
    pipeline.start_worker(f"worker-{version}", roles="verdict")


def produce(pipeline: Pipeline, *facts: Fact) -> None:
    pipeline.write_facts(*facts)
    pipeline.await_handled("verdict")


def upload(video_id: str) -> Accepted:
    now = time.time()
    return accepted(
        video_id=video_id, expected=("frames",), uploaded_unix_seconds=now, deadline_unix_seconds=now + 3_600
    )


def analysed(video_id: str, score: float) -> tuple[Fact, Fact]:
    return upload(video_id), signal("frames", video_id=video_id, scores={NUDITY: score})


def review(video_id: str, action: Action) -> Review:
    return Review(
        video_id=video_id, revision=1, action=action, reviewer="ann", reason="", event_unix_seconds=time.time()
    )


def apply(pipeline: Pipeline, *options: str) -> Any:
    told = pipeline.command("policy", "apply", "--json", *options)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def changes(told: Any) -> dict[tuple[str, str], list[str]]:
    return {(change["before"], change["after"]): sorted(change["examples"]) for change in told["changes"]}


def asked(pipeline: Pipeline) -> list[PolicyChanged]:
    return [fact for fact in pipeline.facts() if isinstance(fact, PolicyChanged)]


def test_a_stricter_policy_reaches_what_was_decided(pipeline: Pipeline) -> None:
    """The dry run says what comes and sends nothing; then it comes, but for what a person decided; then no more."""
    start_under(pipeline, version=1, limit=0.9)
    produce(pipeline, *analysed("rude", SCORE), *analysed("clean", 0.1), *analysed("judged", SCORE))
    produce(pipeline, review("judged", "allow"), upload("undecided"))
    before = pipeline.await_verdicts(DECIDED, SETTLED_SECONDS)
    assert {before[name].action for name in DECIDED} == {"allow"}
    pipeline.workers[0].close()
    start_under(pipeline, version=2, limit=0.6)

    tried = apply(pipeline, "--dry-run")
    assert changes(tried) == {("allow", "limit"): ["rude"], ("allow", "allow"): ["clean", "judged"]}
    assert (tried["num_changed"], tried["num_reviewed"], asked(pipeline)) == (1, 1, [])
    done = apply(pipeline)
    assert changes(done) == changes(tried)

    pipeline.await_handled("verdict")
    after, reading = pipeline.verdicts(), pipeline.reading("rude")
    assert [after[name].action for name in DECIDED] == ["limit", "allow", "allow"]
    assert {after[name].policy for name in DECIDED} == {done["policy"]}
    assert reading is not None
    assert (reading.verdict, after["undecided"]) == (after["rude"], before["undecided"])
    judged = after["judged"].reviewed
    assert judged is not None
    assert (judged.reviewer, judged.policy_action) == ("ann", "limit")
    assert apply(pipeline)["num_chosen"] == 0
    assert [fact.policy for fact in asked(pipeline)] == [done["policy"]] * 3
