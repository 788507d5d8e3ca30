"""Facts of a changed policy reach the log one after another, no faster than was asked."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from schemas.codec import decode_fact
from schemas.facts import PolicyChanged
from schemas.outcomes import Version
from schemas.topics import SIGNALS
from streams.policy_rollout.past_verdicts import PastVerdict
from streams.policy_rollout.policy_evaluation import Evaluation
from streams.policy_rollout.policy_publishing import Pace, PolicyFacts
from tests.fakes import ManualClock, MemoryPublisher

VERDICT = PastVerdict(
    video_id="v", version=Version(revision=2, generation=0, offset=7), status="final", action="allow", market=None,
    policy="default-1@0",
)  # fmt: skip
TURNS_OF_THE_LOOP = 10


def judgement(video_id: str) -> Evaluation:
    fact = PolicyChanged(video_id=video_id, revision=2, policy="default-2@1", event_unix_seconds=1_700_000_000.0)
    return Evaluation(msgspec.structs.replace(VERDICT, video_id=video_id), fact, "block", is_reviewed=False)


async def settle() -> None:
    for _ in range(TURNS_OF_THE_LOOP):
        await asyncio.sleep(0)


async def test_a_fact_has_its_video_as_key() -> None:
    """With the headers of its type; the same id however often the same verdict is to be decided under it."""
    broker = MemoryPublisher()
    for _ in range(2):
        await PolicyFacts(broker, Pace(1.0, ManualClock())).send([judgement("v")])
    first, second = broker.of(SIGNALS)
    assert first.key == "v"
    assert decode_fact(first.value) == judgement("v").fact
    headers, again = dict(first.headers), dict(second.headers)
    assert (headers["ce_type"], headers["ce_source"]) == (b"video.policy.v1", b"/vidsignal/policy")
    assert headers["ce_id"] == again["ce_id"] == b"v:2.0.7:policy:default-2@1"


@pytest.mark.parametrize("per_second", [1.0, 4.0])
async def test_no_more_than_so_many_a_second(per_second: float) -> None:
    """The first goes at once, each next one when its time has come."""
    clock, broker = ManualClock(), MemoryPublisher()
    facts = PolicyFacts(broker, Pace(per_second, clock))
    sending = asyncio.ensure_future(facts.send([judgement(f"v-{number}") for number in range(4)]))
    for number in range(1, 4):
        await clock.wait_for_sleepers(1)
        await settle()
        assert len(broker.records) == number
        clock.advance(1 / per_second)
    await sending
    assert [record.key for record in broker.records] == ["v-0", "v-1", "v-2", "v-3"]


async def test_a_pause_is_not_made_up_for() -> None:
    """After a slow page the next one does not come as a burst."""
    clock, broker = ManualClock(), MemoryPublisher()
    facts = PolicyFacts(broker, Pace(1.0, clock))
    await facts.send([judgement("early")])
    clock.advance(60.0)
    sending = asyncio.ensure_future(facts.send([judgement("late"), judgement("later")]))
    await clock.wait_for_sleepers(1)
    await settle()
    assert [record.key for record in broker.records] == ["early", "late"]
    clock.advance(1.0)
    await sending
    assert len(broker.records) == 3
