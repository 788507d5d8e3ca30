"""What a deletion takes from a real Redis and what it leaves, in one step or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.codec import encode
from schemas.facts import SourceOffset
from streams.dead_letters.dead_letter_index import DeadLetterIndex, Subject
from streams.decision.state import VideoState
from streams.store.deletion_reading import DeletionReading, deletion_of, read_deletion
from streams.store.keys import Keys
from streams.store.outcomes import GapStands, Outcomes
from tests.sample_facts import VIDEO_ID
from tests.unit.streams.verdict.folding import deleted, fold_all

KEYS = Keys()
KEPT_SECONDS = 5_000
GONE = (KEYS.verdict, KEYS.features, KEYS.embeddings, KEYS.engagement)


def deletion(revision: int = 2) -> VideoState:
    """The state of a video after its deletion."""
    state = fold_all([deleted(revision)], first_offset=7)[-1].state
    assert state is not None
    return state


async def fill(redis: Redis, revision: int = 2) -> None:
    """What a video of a revision leaves: status, verdict and all that is served with it."""
    await redis.hset(KEYS.status(VIDEO_ID), mapping={"revision": revision, "status": "final", "action": "allow"})
    for key in GONE:
        await redis.set(key(VIDEO_ID), b"something")


async def forget(redis: Redis, state: VideoState, before: VideoState | None = None) -> bool:
    return await Outcomes(redis, KEYS, KEPT_SECONDS).replace(VIDEO_ID, before, state, None)


async def hold(redis: Redis, waiting_offset: int, **fields: str) -> None:
    """Open a gap in which a fact waits."""
    values: dict[Any, Any] = {"log_generation": 0, "waiting_offset": waiting_offset, "cause": "fact-newer", **fields}
    await redis.hset(KEYS.gap(VIDEO_ID), mapping=values)


class TestForget:
    async def test_what_stays_is_marker_deletion_and_state(self, redis: Redis) -> None:
        """For as long as late facts may come, and no longer."""
        await fill(redis)
        assert await forget(redis, deletion())
        names = {name.decode() for name in await redis.keys("*")}
        assert names == {key(VIDEO_ID) for key in (KEYS.state, KEYS.deletion_marker, KEYS.deletion)}
        assert [KEPT_SECONDS / 2 < await redis.ttl(name) <= KEPT_SECONDS for name in names] == [True] * 3
        assert await redis.get(KEYS.deletion_marker(VIDEO_ID)) == b"2"
        assert await redis.get(KEYS.deletion(VIDEO_ID)) == deletion_of(deletion())
        stored = await Outcomes(redis, KEYS).read(VIDEO_ID)
        assert (stored.state, stored.forgotten_version) == (deletion(), deletion().version)
        assert await redis.hmget(KEYS.state(VIDEO_ID), "log_generation", "applied_offset") == [b"0", b"7"]

    @pytest.mark.parametrize(("revision", "is_left"), [(1, False), (2, False), (3, True)])
    async def test_a_higher_revision_that_was_registered_lives(
        self, redis: Redis, revision: int, is_left: bool
    ) -> None:
        """Its status stays, and says nothing of a gap any more."""
        await fill(redis, revision)
        gap = {"gap": "fact-newer", "gap_since_unix_seconds": 1}
        await redis.hset(KEYS.status(VIDEO_ID), mapping=gap)  # type: ignore[arg-type]
        assert await forget(redis, deletion())
        status = await redis.hgetall(KEYS.status(VIDEO_ID))
        assert status == ({b"revision": b"3", b"status": b"final", b"action": b"allow"} if is_left else {})
        assert await redis.exists(*(key(VIDEO_ID) for key in GONE)) == 0

    async def test_a_status_without_a_revision_stays(self, redis: Redis) -> None:
        """It may be of a video that intake is about to register."""
        await redis.hset(KEYS.status(VIDEO_ID), "status", "pending")
        assert await forget(redis, deletion())
        assert await redis.hgetall(KEYS.status(VIDEO_ID)) == {b"status": b"pending"}

    async def test_a_lost_race_changes_nothing(self, redis: Redis) -> None:
        """Another worker folded a fact meanwhile."""
        await fill(redis)
        other = msgspec.structs.replace(deletion(), applied_offset=8)
        assert await forget(redis, other)
        await fill(redis)
        before = {name: await redis.dump(name) for name in await redis.keys("*")}
        assert not await forget(redis, deletion(5))
        assert {name: await redis.dump(name) for name in await redis.keys("*")} == before
        assert await forget(redis, deletion(5), before=other)
        assert await redis.get(KEYS.deletion_marker(VIDEO_ID)) == b"5"

    @pytest.mark.parametrize(
        ("claims", "left"),
        [
            ({"a": "x", "#a": "1", "b": "x", "#b": "2", "c": "x", "#c": "3"}, {b"c", b"#c"}),
            ({"unnamed": "x", "c": "x", "#c": "10"}, {b"c", b"#c"}),
            ({"a": "x", "#a": "none"}, set()),
        ],
    )
    async def test_claims_of_higher_revisions_stay(
        self, redis: Redis, claims: dict[Any, Any], left: set[bytes]
    ) -> None:
        """Their signals may be published already; one of which nobody says the revision goes."""
        await redis.hset(KEYS.claims(VIDEO_ID), mapping=claims)
        assert await forget(redis, deletion())
        assert set(await redis.hkeys(KEYS.claims(VIDEO_ID))) == left

    async def test_claims_of_another_type_are_removed(self, redis: Redis) -> None:
        """They hold nothing that could be published."""
        await redis.set(KEYS.claims(VIDEO_ID), b"foreign")
        assert await forget(redis, deletion())
        assert await redis.exists(KEYS.claims(VIDEO_ID)) == 0

    async def test_a_status_of_another_type_is_removed_first(self, redis: Redis) -> None:
        """Nothing is half done: the deletion is written as a whole afterwards."""
        await fill(redis)
        await redis.delete(KEYS.status(VIDEO_ID))
        await redis.set(KEYS.status(VIDEO_ID), b"foreign")
        assert await forget(redis, deletion())
        assert await redis.exists(KEYS.status(VIDEO_ID), *(key(VIDEO_ID) for key in GONE)) == 0


class TestGap:
    async def test_nothing_is_forgotten_over_a_gap(self, redis: Redis) -> None:
        """Facts wait in it; nothing is changed."""
        await fill(redis)
        await hold(redis, 9)
        with pytest.raises(GapStands):
            await forget(redis, deletion())
        assert await redis.exists(*(key(VIDEO_ID) for key in GONE)) == len(GONE)
        assert await redis.exists(KEYS.deletion_marker(VIDEO_ID)) == 0

    async def test_the_reader_of_all_of_it_closes_it(self, redis: Redis) -> None:
        """Up to the fact that waits; with it goes what was served in the gap."""
        await fill(redis)
        await hold(redis, 9, said="1.0.9")
        outcomes = Outcomes(redis, KEYS, KEPT_SECONDS)
        with pytest.raises(GapStands):
            await outcomes.close_gap(VIDEO_ID, deletion(), None, 8)
        assert await redis.exists(KEYS.deletion_marker(VIDEO_ID)) == 0
        assert await outcomes.close_gap(VIDEO_ID, deletion(), None, 9)
        assert await redis.exists(KEYS.gap(VIDEO_ID), KEYS.status(VIDEO_ID), *(key(VIDEO_ID) for key in GONE)) == 0
        assert await redis.get(KEYS.deletion_marker(VIDEO_ID)) == b"2"
        assert not await outcomes.close_gap(VIDEO_ID, deletion(), None, 9)

    @pytest.mark.parametrize(("said", "status"), [({}, b"final"), ({"said": "1.0.9"}, b"pending")])
    async def test_a_higher_revision_says_what_holds_without_the_gap(
        self, redis: Redis, said: dict[str, str], status: bytes
    ) -> None:
        """What was served in the gap alone is taken back."""
        await fill(redis, 3)
        await hold(redis, 9, **said)
        assert await Outcomes(redis, KEYS, KEPT_SECONDS).close_gap(VIDEO_ID, deletion(), None, 9)
        found = await redis.hgetall(KEYS.status(VIDEO_ID))
        assert (found[b"status"], b"action" in found) == (status, not said)


class TestDeadLetters:
    INDEX_SECONDS = 5_000.0

    async def test_each_is_found_by_its_video(self, redis: Redis) -> None:
        """With the partition of its record, for as long as dead letters are kept."""
        index = DeadLetterIndex(redis, KEYS, self.INDEX_SECONDS)
        assert not await index.add(b"video-1#a", 3)
        assert not await index.add(b"video-1#b", 0)
        assert await index.dead_letters(VIDEO_ID) == {b"video-1#a": 3, b"video-1#b": 0}
        assert self.INDEX_SECONDS / 2 < await redis.ttl(KEYS.letters(VIDEO_ID)) <= self.INDEX_SECONDS
        await index.drop(b"video-1#a")
        assert await index.dead_letters(VIDEO_ID) == {b"video-1#b": 0}

    @pytest.mark.parametrize("key", [b"#a", b"a/b#a", b"{x}#a", b"x" * 129 + b"#a", b"video-1\n#a"])
    async def test_a_key_that_names_no_video_is_not_kept(self, redis: Redis, key: bytes) -> None:
        """And no deletion covers it."""
        index = DeadLetterIndex(redis, KEYS, self.INDEX_SECONDS)
        assert not await index.add(key, 3)
        assert await redis.keys("*") == []

    async def test_a_question_keeps_nothing(self, redis: Redis) -> None:
        """Whether an event is deleted can be asked before its dead letter is written."""
        index = DeadLetterIndex(redis, KEYS, self.INDEX_SECONDS)
        assert not await index.is_deleted(b"video-1#a", Subject(2))
        assert await forget(redis, deletion())
        asked = [Subject(1), Subject(2), Subject(3), None]
        assert [await index.is_deleted(b"video-1#a", event) for event in asked] == [True, True, False, True]
        assert await redis.exists(KEYS.letters(VIDEO_ID)) == 0
        assert await index.add(b"video-1#a", 3, Subject(2))
        assert not await index.add(b"video-2#a", 3, Subject(2))


class TestReading:
    async def test_a_reader_finds_the_last_deletion(self, redis: Redis) -> None:
        """None where there was none, and where what is stored is not ours."""
        assert await read_deletion(redis, KEYS, VIDEO_ID) is None
        before = SourceOffset(topic="video.uploaded", partition=0, offset=5)
        reading = DeletionReading(revision=2, withdrawn_revision=1, before=before)
        await redis.set(KEYS.deletion(VIDEO_ID), encode(reading))
        assert await read_deletion(redis, KEYS, VIDEO_ID) == reading
        await redis.set(KEYS.deletion(VIDEO_ID), b"foreign")
        assert await read_deletion(redis, KEYS, VIDEO_ID) is None
        await redis.delete(KEYS.deletion(VIDEO_ID))
        await redis.lpush(KEYS.deletion(VIDEO_ID), b"foreign")
        assert await read_deletion(redis, KEYS, VIDEO_ID) is None

    async def test_another_error_of_the_store_is_none_of_its_own(self) -> None:
        """Anyone who asks hears of it."""

        class Denied:
            async def get(self, name: str) -> bytes:
                raise ResponseError("NOPERM")

        with pytest.raises(ResponseError):
            await read_deletion(Denied(), KEYS, VIDEO_ID)  # type: ignore[arg-type]
