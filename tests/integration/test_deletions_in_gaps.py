"""Deletions that cannot be folded, on a real Redis: nothing of the video is served while they wait."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from schemas.codec import encode
from schemas.facts import Deleted, SourceOffset
from schemas.outcomes import Outcome
from schemas.topics import MODERATION
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.store.gap import Gap
from streams.store.readers import read_video
from streams.store.refusal_reading import Refusal
from streams.store.stored_case import spell
from streams.store.video_statuses import Registered, VideoStatuses
from tests.integration.gap_world import EXPECTED, KEYS, World, break_fold, clip, forget_kind, rest
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted, log_record, signal

pytestmark = pytest.mark.usefixtures("silent_logs")


@pytest.fixture
def world(redis: Redis) -> World:
    return World(redis, followers=(Sight(),))


class TestDeletionsThatWait:
    async def test_hide_the_video(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing of it can be read, though the deletion cannot be folded; it is carried out when the gap closes."""
        await world.handle(*clip(), rest())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(
            signal("audio", generation=2), Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0)
        )
        await world.look()
        assert world.broker.of(MODERATION)[-1].value is None
        assert await world.redis.exists(KEYS.verdict(VIDEO_ID), KEYS.features(VIDEO_ID)) == 0
        monkeypatch.undo()
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        assert (await world.outcomes.read(VIDEO_ID)).forgotten_version is not None
        assert await world.redis.get(KEYS.deletion_marker(VIDEO_ID)) == b"1"

    async def test_act_on_all_reads_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before any look at the gap: status, verdict, refusals and topics say nothing of the video any more."""
        await world.handle(*clip(), rest())
        await world.redis.hset(KEYS.refusals(VIDEO_ID), "letter", refusal(revision=1))
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(signal("audio", generation=2), deletion_of_all(at=UPLOADED_UNIX_SECONDS + 10.0))
        await RefusedUploads(world.redis, KEYS).forget(
            VIDEO_ID
        )  # as the dead letters' owner does when it takes them back
        names = (KEYS.status, KEYS.verdict, KEYS.features, KEYS.embeddings, KEYS.refusals)
        assert await world.redis.exists(*(name(VIDEO_ID) for name in names)) == 0
        assert world.broker.of(MODERATION)[-1].value is None
        assert await world.redis.get(KEYS.deletion_marker(VIDEO_ID)) == b"1"
        late = await VideoStatuses(world.redis, KEYS).register(accepted(expected=EXPECTED))
        assert late is Registered.FORGOTTEN
        monkeypatch.undo()
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        assert (await world.outcomes.read(VIDEO_ID)).forgotten_version is not None

    async def test_leave_a_later_upload_alone(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A revision that was uploaded after the deletion event keeps its status, though the fact comes late."""
        await world.handle(*clip(), rest())
        break_fold(monkeypatch, VIDEO_ID)
        later = accepted(revision=2, expected=EXPECTED, uploaded_unix_seconds=UPLOADED_UNIX_SECONDS + 60.0)
        await VideoStatuses(world.redis, KEYS).register(later)
        await world.handle(signal("audio", generation=2), deletion_of_all(at=UPLOADED_UNIX_SECONDS + 10.0))
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert (reading.status["revision"], reading.status["status"]) == ("2", "pending")
        assert reading.verdict is None
        assert await VideoStatuses(world.redis, KEYS).register(later) is Registered.KNOWN

    async def test_let_a_newer_revision_live(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """It keeps what people do with it and gets an interim review, while nothing is left of those before it."""
        await world.handle(*clip(), rest(), accepted(revision=3, expected=("frames",)), signal("frames", revision=3))
        assert (await world.verdict()).status == "final"
        break_fold(monkeypatch, VIDEO_ID)
        place = SourceOffset(topic="video.uploaded", partition=0, offset=60)
        uploaded = UPLOADED_UNIX_SECONDS + 60.0
        later = accepted(revision=4, expected=EXPECTED, uploaded_unix_seconds=uploaded, source=place)
        await VideoStatuses(world.redis, KEYS).register(later)
        await world.handle(signal("frames", revision=3, generation=2), deletion_of_all(UPLOADED_UNIX_SECONDS + 10.0))
        assert await world.redis.exists(KEYS.verdict(VIDEO_ID), KEYS.features(VIDEO_ID)) == 0
        assert world.published() == {}
        await world.redis.hset(KEYS.engagement(VIDEO_ID), "view", 1)
        for _ in range(2):
            await world.look()
            world.clock.advance(3_600.0)
        said = await world.verdict()
        assert (said.version.revision, said.status, said.action) == (4, "provisional", "review")
        assert world.published()[VIDEO_ID].verdict == said
        assert await world.redis.hgetall(KEYS.engagement(VIDEO_ID)) == {b"view": b"1"}
        assert followed(world) == set()
        await world.handle(later, *(signal(modality, revision=4) for modality in EXPECTED))
        monkeypatch.undo()
        assert await world.look() == 1
        await world.check_healed()
        assert followed(world) == {VIDEO_ID}

    async def test_take_back_what_was_said(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Anyone who is just publishing it learns that it is gone."""
        await world.handle(*clip())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        await world.look()
        version = spell((await world.verdict()).version)
        assert await world.gaps.told(VIDEO_ID, version)
        await world.handle(deletion_of_all(UPLOADED_UNIX_SECONDS + 10.0))
        assert world.published() == {}
        assert not await world.gaps.told(VIDEO_ID, version)

    async def test_leave_nothing_said_of_a_revision_that_is_not_accepted(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was said of it goes with the gap; it is pending again, and keeps what people do with it until then."""
        await world.handle(*clip(), rest())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(deletion_of_all(UPLOADED_UNIX_SECONDS + 10.0))
        later = accepted(revision=2, expected=EXPECTED, uploaded_unix_seconds=UPLOADED_UNIX_SECONDS + 60.0)
        await VideoStatuses(world.redis, KEYS).register(later)
        await world.look()
        assert (await world.verdict()).version.revision == 2
        monkeypatch.undo()
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert (reading.status["revision"], reading.status["status"], reading.verdict) == ("2", "pending", None)
        assert "action" not in reading.status
        assert world.published() == {}

    async def test_of_a_newer_release_take_all_away(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it reaches cannot be read, so nothing is served until a worker of that release folds it."""
        await world.handle(*clip(), rest())
        with monkeypatch.context() as older:
            forget_kind(older, "deleted")
            await world.handle(deletion_of_all(UPLOADED_UNIX_SECONDS + 10.0))
            await world.look()
            names = (KEYS.status, KEYS.verdict, KEYS.features, KEYS.embeddings)
            assert await world.redis.exists(*(name(VIDEO_ID) for name in names)) == 0
            assert (world.published(), followed(world)) == ({}, set())
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        assert (await world.outcomes.read(VIDEO_ID)).forgotten_version is not None

    @pytest.mark.parametrize("cause", ["internal-error", "crash-loop"])
    async def test_act_where_an_older_release_let_them_wait(
        self, world: World, monkeypatch: pytest.MonkeyPatch, cause: str
    ) -> None:
        """It noted that a deletion waits and not which; where the log may be folded, that says which."""
        await world.handle(*clip(), rest())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(signal("audio", generation=2))
        world.log.append(log_record(deletion_of_all(UPLOADED_UNIX_SECONDS + 10.0), len(world.log)))
        await world.redis.hset(
            KEYS.gap(VIDEO_ID), mapping={"deletion_waits": "1", "waiting_offset": len(world.log) - 1, "cause": cause}
        )
        await world.look()
        names = (KEYS.status, KEYS.verdict, KEYS.features, KEYS.embeddings)
        assert await world.redis.exists(*(name(VIDEO_ID) for name in names)) == 0
        assert (world.published(), followed(world)) == ({}, set())
        assert await world.redis.get(KEYS.deletion_marker(VIDEO_ID)) == (b"1" if cause == "internal-error" else None)
        monkeypatch.undo()
        gap = await world.gaps.read(VIDEO_ID)
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        assert (await world.outcomes.read(VIDEO_ID)).forgotten_version is not None

        async def stale(_video_id: str) -> Gap | None:
            return gap

        monkeypatch.setattr(world.gaps, "read", stale)  # anyone who read it before it was closed
        assert await world.gaps.hide(VIDEO_ID, None) is None


@dataclass
class Sight:
    """A follower that sees which videos have an outcome."""

    seen: set[str] = field(default_factory=set)

    async def replace(self, outcome: Outcome) -> None:
        self.seen.add(outcome.verdict.video_id)

    async def remove(self, video_id: str) -> None:
        self.seen.discard(video_id)


def followed(world: World) -> set[str]:
    (sight,) = world.followers
    assert isinstance(sight, Sight)
    return sight.seen


def deletion_of_all(at: float) -> Deleted:
    """A deletion event that named no revision."""
    before = SourceOffset(topic="video.uploaded", partition=0, offset=50)
    return Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=at, before=before)


def refusal(revision: int) -> bytes:
    return encode(
        Refusal(
            dead_letter_id="letter", cause="media-missing", message="", advice="", role="media", revision=revision,
            upload=SourceOffset(topic="video.uploaded", partition=0, offset=3), letter=None, refused_unix_seconds=1.0,
        )
    )  # fmt: skip
