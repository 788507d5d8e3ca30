"""Which verdicts a changed policy reaches, what it will make of each, and why others are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace as with_values
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.codec import encode
from schemas.facts import Deleted, Fact, Review
from schemas.outcomes import Version
from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy import Rule
from streams.decision.policy_file import load_policy
from streams.decision.state import VideoState
from streams.policy_rollout.past_verdicts import PastVerdict, PolicyFilter, is_asked
from streams.policy_rollout.policy_evaluation import Evaluation, PolicyEvaluator, judge
from streams.policy_rollout.rollout_stats import RolloutStats
from streams.policy_rollout.verdict_selection import VerdictSelection, go_through
from streams.recovery.result_comparison import newest_by_key
from streams.store.stored_case import StoredVideo
from tests.sample_facts import VIDEO_ID, accepted, deadline, signal

NUDITY = "sexual/explicit/nudity"
OLD = load_policy(None)
NEW = with_values(OLD, version=OLD.version + 1, rules={NUDITY: Rule(NUDITY, {"block": 0.5})})
PRICES = Prices(1.0, 1.0, 1.0, 1.0)
BY_NEW = PolicyEvaluator(NEW, PRICES, now_unix_seconds=1_700_000_100.0)


def analysed(video_id: str = VIDEO_ID, score: float = 0.7, **fields: Any) -> tuple[Fact, ...]:
    waits_for = accepted(video_id=video_id, expected=("frames",), **fields)
    return waits_for, signal("frames", video_id=video_id, scores={NUDITY: score})


def stored(*facts: Fact, state: VideoState | None = None) -> StoredVideo:
    """What a worker that has the old policy left in the store."""
    case = StoredVideo(state)
    for offset, fact in enumerate(facts):
        folded = fold(case.state, fact, offset, FoldContext(OLD, PRICES, 0, 0.0))
        case = StoredVideo(folded.state, folded.outcome or case.outcome, is_published=True)
    return case


def past(case: StoredVideo, **fields: Any) -> PastVerdict:
    """The verdict of it that is in the topic."""
    assert case.outcome is not None
    found = newest_by_key([(b"", encode(case.outcome.verdict))], PastVerdict)[""]
    assert isinstance(found, PastVerdict)
    return replace(found, **fields)


class TestAsked:
    """Chosen by what the topic says alone."""

    @pytest.mark.parametrize(
        ("fields", "asked", "is_chosen"),
        [
            ({}, PolicyFilter(), True),
            ({"policy": NEW.label}, PolicyFilter(), False),
            ({"status": "pending"}, PolicyFilter(), False),
            ({"status": "provisional"}, PolicyFilter(), True),
            ({"market": "DE"}, PolicyFilter(market="DE"), True),
            ({"market": None}, PolicyFilter(market="DE"), False),
            ({"action": "limit"}, PolicyFilter(action="limit"), True),
            ({"action": "limit"}, PolicyFilter(action="block"), False),
        ],
    )
    def test_is_asked(self, fields: dict[str, Any], asked: PolicyFilter, is_chosen: bool) -> None:
        """Decided, under another policy, and what the operator named."""
        assert is_asked(past(stored(*analysed()), **fields), asked, NEW.label) is is_chosen


class TestJudging:
    def test_what_the_next_verdict_says(self) -> None:
        """The action of the new policy, and a fact that a worker will find acceptable."""
        case = stored(*analysed())
        found = judge(past(case), case, BY_NEW)
        assert isinstance(found, Evaluation)
        assert (found.verdict.action, found.action, found.is_reviewed) == ("limit", "block", False)
        folded = fold(case.state, found.fact, 2, FoldContext(NEW, PRICES, 0, 0.0))
        assert folded.outcome is not None
        assert (folded.outcome.verdict.action, folded.outcome.verdict.policy) == ("block", found.fact.policy)

    def test_a_person_decided(self) -> None:
        """It is sent all the same, so that the verdict names the policy; the action stays."""
        word = Review(video_id=VIDEO_ID, revision=1, action="allow", reviewer="r", reason="", event_unix_seconds=0.0)
        case = stored(*analysed(), word)
        found = judge(past(case), case, BY_NEW)
        assert isinstance(found, Evaluation)
        assert (found.action, found.is_reviewed) == ("allow", True)

    def test_what_the_store_knows_better(self) -> None:
        """Each reason has its word; the topic may be behind, or ahead of a store that lost writes."""
        case, nothing = stored(*analysed()), StoredVideo()
        verdict = past(case)
        gone = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0)
        assert case.outcome is not None
        fresh = replace(case.outcome, verdict=replace(case.outcome.verdict, policy=NEW.label))
        sealed = VideoState(log_generation=0, applied_offset=9, sealed_revision=1)
        ahead = replace(verdict, version=Version(revision=2, generation=0, offset=7))
        assert judge(verdict, StoredVideo(case.state, fresh), BY_NEW) == "up-to-date"
        assert judge(verdict, stored(*analysed(), accepted(2)), BY_NEW) == "older-revision"
        assert judge(verdict, stored(*analysed(), gone), BY_NEW) == "forgotten"
        assert judge(verdict, StoredVideo(sealed, case.outcome), BY_NEW) == "facts-gone"
        assert judge(verdict, nothing, BY_NEW) == "no-state"
        assert judge(ahead, case, BY_NEW) == "not-accepted"

    def test_a_raised_generation_of_the_log(self) -> None:
        """States of before the topic was enlarged are judged like others."""
        case = stored(*analysed())
        assert case.state is not None
        raised = StoredVideo(replace(case.state, log_generation=3), case.outcome)
        found = judge(past(case), raised, BY_NEW)
        assert isinstance(found, Evaluation)
        assert (found.verdict.action, found.action, found.is_reviewed) == ("limit", "block", False)


class TestGoingThrough:
    """Pages of verdicts against the store, counted, and sent unless it is only tried."""

    async def test_counts_and_sends(self) -> None:
        """Changes by action, examples of each, and those that are passed over; what is sent is what was counted."""
        cases = {f"rude-{number}": stored(*analysed(f"rude-{number}")) for number in range(7)}
        cases |= {"clean": stored(*analysed("clean", 0.1)), "lost": StoredVideo()}
        verdicts = [past(case) for case in cases.values() if case.outcome] + [past(cases["clean"], video_id="lost")]
        tally, sent = await self._run(cases, verdicts, PolicyFilter())
        assert dict(tally.changes) == {("limit", "block"): 7, ("allow", "allow"): 1}
        assert tally.examples["limit", "block"] == [f"rude-{number}" for number in range(5)]
        assert (tally.num_chosen, tally.num_changed, dict(tally.skipped)) == (8, 7, {"no-state": 1})
        assert [found.fact.video_id for found in sent] == [*(f"rude-{number}" for number in range(7)), "clean"]

    async def test_a_provisional_verdict(self) -> None:
        """It is decided, and reached."""
        case = stored(accepted(), deadline())
        tally, _ = await self._run({VIDEO_ID: case}, [past(case)], PolicyFilter())
        assert tally.num_chosen == 1

    @pytest.mark.parametrize("limit", [1, 3, 250])
    async def test_no_more_than_the_limit(self, limit: int) -> None:
        """Also where it ends within a page, or beyond one."""
        case = stored(*analysed())
        verdicts = [past(case, video_id=f"v-{number}") for number in range(300)]
        tally, sent = await self._run(
            dict.fromkeys((v.video_id for v in verdicts), case), verdicts, PolicyFilter(limit=limit)
        )
        assert (tally.num_chosen, len(sent)) == (limit, limit)

    async def test_a_trial_sends_nothing(self) -> None:
        """And counts the same."""
        case = stored(*analysed())
        tally = RolloutStats()
        choice = VerdictSelection(_reader({VIDEO_ID: case}), PolicyFilter(), BY_NEW)
        told: list[int] = []
        await go_through([past(case)], choice, tally, None, lambda so_far: told.append(so_far.num_chosen))
        assert (tally.num_chosen, told) == (1, [1])

    async def _run(
        self, cases: dict[str, StoredVideo], verdicts: Iterable[PastVerdict], asked: PolicyFilter
    ) -> tuple[RolloutStats, list[Evaluation]]:
        tally, sent = RolloutStats(), []

        async def send(chosen: Sequence[Evaluation]) -> None:
            sent.extend(chosen)

        await go_through(verdicts, VerdictSelection(_reader(cases), asked, BY_NEW), tally, send, lambda _: None)
        return tally, sent


def _reader(cases: dict[str, StoredVideo]) -> Any:
    async def read(video_id: str) -> StoredVideo:
        return cases[video_id]

    return read
