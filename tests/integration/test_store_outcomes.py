"""States and outcomes in a real Redis: compare-and-set, and what readers find afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from schemas.facts import Fact
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.readers import read_video
from streams.store.video_statuses import VideoStatuses
from tests.integration.verdict_world import RULESET
from tests.sample_facts import VIDEO_ID, accepted, failed_signal, signal

CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)
EXPECTED = ("frames", "context")
ANSWERED = (accepted(expected=EXPECTED), signal("frames"), signal("context"))


@pytest.fixture
def outcomes(redis: Redis) -> Outcomes:
    return Outcomes(redis, Keys())


async def apply(outcomes: Outcomes, facts: Sequence[Fact], first_offset: int = 0) -> None:
    for offset, fact in enumerate(facts, first_offset):
        stored = await outcomes.read(VIDEO_ID)
        folded = fold(stored.state, fact, offset, CONTEXT)
        assert folded.state is not None
        assert await outcomes.replace(VIDEO_ID, stored.state, folded.state, folded.outcome)


class TestReplace:
    """Compare-and-set on the applied offset."""

    async def test_what_is_written_is_read_again(self, outcomes: Outcomes) -> None:
        """State and outcome come back equal, not yet published."""
        await apply(outcomes, ANSWERED[:1])
        folded = fold(None, ANSWERED[0], 0, CONTEXT)
        stored = await outcomes.read(VIDEO_ID)
        assert (stored.state, stored.outcome, stored.is_published) == (folded.state, folded.outcome, False)

    async def test_who_read_an_older_state_loses(self, outcomes: Outcomes) -> None:
        """Nothing of the loser's is written."""
        first = fold(None, ANSWERED[0], 0, CONTEXT)
        late = fold(first.state, failed_signal("frames"), 1, CONTEXT)
        assert late.state is not None
        await apply(outcomes, ANSWERED)
        before = await outcomes.read(VIDEO_ID)
        assert not await outcomes.replace(VIDEO_ID, first.state, late.state, late.outcome)
        assert not await outcomes.replace(VIDEO_ID, None, late.state, late.outcome)
        assert await outcomes.read(VIDEO_ID) == before

    async def test_a_repeated_write_is_refused(self, outcomes: Outcomes) -> None:
        """A client that lost the reply sends it again, is told that it lost, and reads."""
        folded = fold(None, ANSWERED[0], 0, CONTEXT)
        assert folded.state is not None
        answers = [await outcomes.replace(VIDEO_ID, None, folded.state, folded.outcome) for _ in range(2)]
        assert answers == [True, False]

    async def test_a_state_without_an_outcome_leaves_readers_alone(self, outcomes: Outcomes, redis: Redis) -> None:
        """A signal that overtook its `accepted` is nobody's business yet."""
        await apply(outcomes, [signal("frames")])
        assert await redis.keys() == [Keys().state(VIDEO_ID).encode()]

    async def test_a_large_outcome_fits(self, outcomes: Outcomes, redis: Redis) -> None:
        """Many features pass through the script's argument stack."""
        many = {f"frames.feature-{index}": next(iter(signal().features.values())) for index in range(1000)}
        await apply(outcomes, [accepted(expected=("frames",)), signal("frames", features=many)])
        assert await redis.hlen(Keys().features(VIDEO_ID)) == 1000


class TestReaders:
    """What anybody reads."""

    async def test_a_final_outcome(self, outcomes: Outcomes, redis: Redis) -> None:
        """Status, verdict, features and embeddings of one version."""
        await apply(outcomes, ANSWERED)
        stored = await outcomes.read(VIDEO_ID)
        reading = await read_video(redis, Keys(), VIDEO_ID)
        assert stored.outcome is not None
        assert reading is not None
        assert reading.verdict == stored.outcome.verdict
        assert reading.features == stored.outcome.record.features
        assert reading.embeddings == stored.outcome.record.embeddings
        names = ("status", "action", "revision", "log_generation", "offset", "present", "missing")
        assert [reading.status[name] for name in names] == ["final", "allow", "1", "0", "2", "context,frames", ""]

    async def test_a_new_revision_takes_the_old_ones_features_away(self, outcomes: Outcomes, redis: Redis) -> None:
        """A hash is replaced as a whole: what the new revision lacks does not linger."""
        await apply(outcomes, [*ANSWERED, accepted(2, expected=EXPECTED), failed_signal("frames", 2)])
        await apply(outcomes, [signal("context", 2)], first_offset=9)
        reading = await read_video(redis, Keys(), VIDEO_ID)
        assert reading is not None
        assert set(reading.features) == {"context.marker"}
        assert set(reading.embeddings) == {"context-space/3"}

    async def test_a_status_that_intake_registered_for_a_newer_revision_stays(
        self, outcomes: Outcomes, redis: Redis
    ) -> None:
        """Late facts of the older revision still amend its verdict, and say nothing of the newer one's status."""
        await apply(outcomes, ANSWERED[:2])
        await VideoStatuses(redis, Keys()).register(accepted(2))
        await apply(outcomes, ANSWERED[2:], first_offset=2)
        reading = await read_video(redis, Keys(), VIDEO_ID)
        assert reading is not None
        assert reading.verdict is not None
        assert (reading.status["revision"], reading.status["status"]) == ("2", "pending")
        assert (reading.verdict.version.revision, reading.verdict.status) == (1, "final")
        assert set(reading.features) == {"frames.marker", "context.marker"}

    async def test_stacks_share_a_store_by_prefix(self, redis: Redis) -> None:
        """Every key of a video carries prefix and hash tag."""
        await apply(Outcomes(redis, Keys("test.")), ANSWERED)
        assert all(key.startswith(b"test.vs:{video-1}:") for key in await redis.keys())


class TestPublished:
    """Knowing what is out."""

    async def test_the_current_outcome_is_marked(self, outcomes: Outcomes) -> None:
        """From then on a replay is silent."""
        await apply(outcomes, ANSWERED[:1])
        stored = await outcomes.read(VIDEO_ID)
        assert stored.outcome is not None
        assert await outcomes.mark_published(VIDEO_ID, stored.outcome.version)
        assert (await outcomes.read(VIDEO_ID)).is_published

    async def test_an_outcome_that_was_replaced_meanwhile_is_not(self, outcomes: Outcomes) -> None:
        """The caller learns that a newer one has to follow."""
        await apply(outcomes, ANSWERED[:1])
        old = (await outcomes.read(VIDEO_ID)).outcome
        await apply(outcomes, ANSWERED[1:], first_offset=1)
        assert old is not None
        assert not await outcomes.mark_published(VIDEO_ID, old.version)
        assert not (await outcomes.read(VIDEO_ID)).is_published

    async def test_a_state_without_a_new_outcome_stays_published(self, outcomes: Outcomes) -> None:
        """A signal that publishes nothing does not make the old outcome unpublished."""
        await apply(outcomes, ANSWERED[:1])
        stored = await outcomes.read(VIDEO_ID)
        assert stored.outcome is not None
        await outcomes.mark_published(VIDEO_ID, stored.outcome.version)
        await apply(outcomes, ANSWERED[1:2], first_offset=1)
        assert (await outcomes.read(VIDEO_ID)).is_published
