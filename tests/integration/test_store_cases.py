"""Cases and deadlines in a real Redis: idempotent, and never falling back."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schemas.warnings import EventWarning
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.store.deadlines import Deadline, Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.readers import read_video
from streams.store.video_statuses import Registered, VideoStatuses
from tests.integration.verdict_world import RULESET
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted

DUE_UNIX_SECONDS = 1_700_000_060.123456
CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, UPLOADED_UNIX_SECONDS + 10.0)


class TestCases:
    """Registering a revision."""

    async def test_a_new_upload_is_pending_at_once(self, redis: Redis) -> None:
        """A producer sees what is waited for, and until when; no action is claimed yet."""
        assert (
            await VideoStatuses(redis, Keys()).register(accepted(expected=("frames", "context"))) is Registered.WRITTEN
        )
        reading = await read_video(redis, Keys(), VIDEO_ID)
        assert reading is not None
        assert reading.status == {
            "status": "pending",
            "revision": "1",
            "expected": "frames,context",
            "missing": "frames,context",
            "uploaded_unix_seconds": str(UPLOADED_UNIX_SECONDS),
            "deadline_unix_seconds": str(UPLOADED_UNIX_SECONDS + 60.0),
        }
        assert (reading.verdict, reading.features, reading.embeddings) == (None, {}, {})

    @pytest.mark.parametrize("revision", [1, 2])
    async def test_a_known_or_older_revision_changes_nothing(self, redis: Redis, revision: int) -> None:
        """A redelivered upload does not hide a verdict that was reached meanwhile."""
        cases = VideoStatuses(redis, Keys())
        await cases.register(accepted(2))
        await redis.hset(Keys().status(VIDEO_ID), "status", "final")
        assert await cases.register(accepted(revision)) is Registered.KNOWN
        assert await redis.hget(Keys().status(VIDEO_ID), "status") == b"final"

    async def test_a_newer_revision_starts_again(self, redis: Redis) -> None:
        """Nothing of the old status stays, so that its action is not taken for the new one's."""
        cases = VideoStatuses(redis, Keys())
        await cases.register(accepted(1))
        await redis.hset(Keys().status(VIDEO_ID), mapping={"status": "final", "action": "allow"})
        assert await cases.register(accepted(2))
        fields = await redis.hgetall(Keys().status(VIDEO_ID))
        assert (fields[b"revision"], fields[b"status"], b"action" in fields) == (b"2", b"pending", False)

    async def test_the_largest_revision_is_compared_exactly(self, redis: Redis) -> None:
        """Lua's numbers hold every integer up to 2**53."""
        cases = VideoStatuses(redis, Keys())
        assert await cases.register(accepted(2**53 - 2))
        assert await cases.register(accepted(2**53 - 1))
        assert not await cases.register(accepted(2**53 - 2))

    @pytest.mark.parametrize(("revision", "told"), [(1, Registered.FORGOTTEN), (2, Registered.FORGOTTEN), (3, 1)])
    async def test_a_deleted_revision_is_refused_and_a_higher_one_starts_again(
        self, redis: Redis, revision: int, told: int
    ) -> None:
        """An upload that comes after its deletion leaves no trace; a higher revision is a new life."""
        await redis.set(Keys().deletion_marker(VIDEO_ID), 2)
        assert await VideoStatuses(redis, Keys()).register(accepted(revision)) == told
        assert await redis.exists(Keys().status(VIDEO_ID)) == (told == Registered.WRITTEN)

    async def test_an_unknown_video_reads_as_none(self, redis: Redis) -> None:
        """Nobody uploaded it."""
        assert await read_video(redis, Keys(), "nobody") is None


class TestDeadlines:
    """The sorted set of deadlines."""

    @pytest.fixture
    def deadlines(self, redis: Redis) -> Deadlines:
        return Deadlines(redis, Keys())

    async def test_due_ones_come_oldest_first_and_bounded(self, deadlines: Deadlines) -> None:
        """What is due at the very moment counts."""
        registered = [Deadline(f"video-{index}", 1, DUE_UNIX_SECONDS + index) for index in range(4)]
        for deadline in reversed(registered):
            await deadlines.register(deadline)
        assert await deadlines.due(DUE_UNIX_SECONDS + 2, limit=9) == tuple(registered[:3])
        assert await deadlines.due(DUE_UNIX_SECONDS + 2, limit=2) == tuple(registered[:2])
        assert await deadlines.due(DUE_UNIX_SECONDS - 1e-3, limit=9) == ()

    async def test_registering_again_never_postpones(self, deadlines: Deadlines) -> None:
        """The earlier time stands; an earlier one replaces."""
        for seconds in (0.0, 50.0, -1.0):
            await deadlines.register(Deadline(VIDEO_ID, 1, DUE_UNIX_SECONDS + seconds))
        (found,) = await deadlines.due(DUE_UNIX_SECONDS + 99, limit=9)
        assert found == Deadline(VIDEO_ID, 1, DUE_UNIX_SECONDS - 1.0)

    async def test_revisions_have_deadlines_of_their_own(self, deadlines: Deadlines) -> None:
        """One revision's does not stand in for another's."""
        registered = (Deadline(VIDEO_ID, 1, DUE_UNIX_SECONDS), Deadline(VIDEO_ID, 2, DUE_UNIX_SECONDS + 1))
        for deadline in registered:
            await deadlines.register(deadline)
        assert await deadlines.due(DUE_UNIX_SECONDS + 1, limit=9) == registered

    async def test_removing_spares_what_was_registered_for_another_time_meanwhile(self, deadlines: Deadlines) -> None:
        """Only the very deadline that was read is removed."""
        await deadlines.register(Deadline(VIDEO_ID, 1, DUE_UNIX_SECONDS))
        (read,) = await deadlines.due(DUE_UNIX_SECONDS, limit=1)
        await deadlines.register(Deadline(VIDEO_ID, 1, DUE_UNIX_SECONDS - 5.0))
        assert not await deadlines.remove(read)
        (read,) = await deadlines.due(DUE_UNIX_SECONDS, limit=1)
        assert await deadlines.remove(read)
        assert not await deadlines.remove(read)
        assert await deadlines.due(DUE_UNIX_SECONDS, limit=1) == ()


class TestWarnings:
    """What the status says of mistakes that are likely."""

    async def test_are_in_the_status_from_intake_on(self, redis: Redis) -> None:
        """The fold of the same fact leaves them there, and a fold that finds more adds it without an outcome."""
        keys, found = Keys(), EventWarning(kind="long-deadline", message="8 hours", field="deadline_seconds")
        first = accepted(content="a", warnings=(found,))
        await VideoStatuses(redis, keys).register(first)
        assert await _warnings(redis) == ("long-deadline",)
        outcomes, before = Outcomes(redis, keys), None
        for offset, (fact, kinds) in enumerate(
            [
                (first, ("long-deadline",)),
                (accepted(content="b"), ("long-deadline", "other-content")),
                (accepted(2), ()),
                (accepted(1), ("lower-revision",)),
            ]
        ):
            folded = fold(before, fact, offset, CONTEXT)
            assert folded.state is not None
            assert await outcomes.replace(VIDEO_ID, before, folded.state, folded.outcome)
            before = folded.state
            assert await _warnings(redis) == kinds
            assert (await outcomes.read_served(VIDEO_ID)).differences() == []

    async def test_of_an_older_revision_do_not_reach_a_newer_one(self, redis: Redis) -> None:
        """Intake registered it already, while the fold still says what is wrong with the one before."""
        outcomes, first = Outcomes(redis, Keys()), accepted(content="a")
        folded = fold(None, first, 0, CONTEXT)
        assert folded.state is not None
        await outcomes.replace(VIDEO_ID, None, folded.state, folded.outcome)
        await VideoStatuses(redis, Keys()).register(accepted(2))
        again = fold(folded.state, accepted(content="b"), 1, CONTEXT)
        assert again.state is not None
        assert await outcomes.replace(VIDEO_ID, folded.state, again.state, again.outcome)
        assert await _warnings(redis) == ()


async def _warnings(redis: Redis) -> tuple[str, ...]:
    reading = await read_video(redis, Keys(), VIDEO_ID)
    assert reading is not None
    return tuple(warning.kind for warning in reading.warnings)
