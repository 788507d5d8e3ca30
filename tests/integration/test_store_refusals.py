"""Refusals by video id on a real Redis: bounded, written once, and gone with the video."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from ops.cli.upload_ending import PublishedUpload, StatusReading, read_for_sender
from ops.cli.upload_wait import endings
from schemas.facts import Deleted, Failure, SourceOffset
from schemas.topics import DEAD_LETTER
from streams.config.settings import read_settings
from streams.dead_letters.dead_letters import DeadLetters
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.record import Place, Record
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.refusal_reading import MOST_REFUSALS, read_refusals
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET

KEYS = Keys("test.")
LIFE_SECONDS = 3_600
WRONG = Failure(cause="event-invalid", message="market: 'de'\x1b[31m; expected two capital letters")


class Writer:
    """The part of a role that gives events up."""

    def __init__(self, redis: Redis, most_videos: int = 100) -> None:
        self.clock = ManualClock()
        self.publisher = MemoryPublisher()
        refused = RefusedUploads(redis, KEYS, LIFE_SECONDS, most_videos)
        self.dead_letters = DeadLetters(self.publisher, redis, KEYS, self.clock, refused=refused)  # type: ignore[arg-type]

    async def refuse(
        self,
        video_id: str | None,
        offset: int,
        *,
        value: bytes = b"{",
        topic: str = "test.video.uploaded",
        role: str = "intake",
        revision: int | None = None,
    ) -> None:
        """Give up one event; time goes on by a second."""
        key = None if video_id is None else video_id.encode()
        record = Record(Place(topic, 1, offset), key, value, (), 12.5, 1)
        await self.dead_letters.write(record, WRONG, role=role, revision=revision)
        self.clock.advance(1)


async def delete(redis: Redis, video_id: str, offset: int) -> None:
    """Fold a deletion that stands at an offset of the uploads."""
    place = SourceOffset(topic="test.video.uploaded", partition=1, offset=offset)
    fact = Deleted(video_id=video_id, revision=1, reason="", event_unix_seconds=0.0, before=place)
    outcomes = Outcomes(redis, KEYS)
    state = (await outcomes.read(video_id)).state
    folded = fold(state, fact, 3, FoldContext(RULESET.policy, RULESET.prices, 0, 0.0))
    assert folded.state is not None
    assert await outcomes.replace(video_id, state, folded.state, None)


class TestStore:
    """What is under the key."""

    async def test_a_refusal_is_whole_and_its_text_is_harmless(self, redis: Redis) -> None:
        """Cause, message without control characters, advice, revision, both places, time; and its life is stated."""
        writer = Writer(redis)
        await writer.refuse("v", 7, value=b'{"video_id":"v","revision":3,"market":"de"}')
        [refusal] = await read_refusals(redis, KEYS, "v")
        assert (refusal.cause, refusal.role, refusal.revision) == ("event-invalid", "intake", 3)
        assert refusal.message == r"market: 'de'\x1b[31m; expected two capital letters"
        assert refusal.advice
        assert (refusal.upload.topic, refusal.upload.partition, refusal.upload.offset) == ("test.video.uploaded", 1, 7)
        assert refusal.letter is not None
        assert (refusal.letter.topic, refusal.letter.partition) == ("test.video.dead-letter", 1)
        assert refusal.refused_unix_seconds == 1_700_000_000.0
        assert 0 < await redis.ttl(KEYS.refusals("v")) <= LIFE_SECONDS

    async def test_a_redelivery_and_a_death_write_it_once(self, redis: Redis) -> None:
        """The mark is lost with the writer: the same event is redelivered, and is told once."""
        writer = Writer(redis)
        for _ in range(3):
            await writer.refuse("v", 7)
            marks = [name async for name in redis.scan_iter("*dead-letter:*")]
            await redis.delete(*marks)
        assert len(await read_refusals(redis, KEYS, "v")) == 1
        assert await redis.zcard(KEYS.refused()) == 1

    async def test_the_last_few_stay(self, redis: Redis) -> None:
        """Bounded for each video; the oldest makes room."""
        writer = Writer(redis)
        for offset in range(12):
            await writer.refuse("v", offset)
        kept = [refusal.upload.offset for refusal in await read_refusals(redis, KEYS, "v")]
        assert kept == list(range(12 - MOST_REFUSALS, 12))

    async def test_a_flood_of_invented_ids_is_bounded(self, redis: Redis) -> None:
        """Only so many videos keep refusals, those of the last; the others' keys are gone, their dead letters are
        not."""
        writer = Writer(redis, most_videos=20)
        for number in range(70):
            await writer.refuse(f"invented-{number}", number)
        kept = {name async for name in redis.scan_iter("*:refusals")}
        assert kept == {KEYS.refusals(f"invented-{number}").encode() for number in range(50, 70)}
        assert await redis.zcard(KEYS.refused()) == 20
        assert len(writer.publisher.of(DEAD_LETTER)) == 70

    async def test_a_long_message_is_cut(self, redis: Redis) -> None:
        """Whatever a sender makes us quote, a refusal stays below 1.5 kB."""
        writer = Writer(redis)
        record = Record(Place("test.video.uploaded", 1, 1), b"v", b"{", (), 12.5, 1)
        await writer.dead_letters.write(
            record, Failure(cause="event-invalid", message="\U0001f600\n" * 9_000), role="intake"
        )
        [stored] = (await redis.hgetall(KEYS.refusals("v"))).values()
        assert len(stored) < 1_500

    @pytest.mark.parametrize("video_id", [None, "a/b", "a}b", "a\n", "", "x" * 129])
    async def test_what_is_no_id_has_no_key(self, redis: Redis, video_id: str | None) -> None:
        """A dead letter and nothing else."""
        await Writer(redis).refuse(video_id, 7)
        assert [name async for name in redis.scan_iter("*refus*")] == []

    async def test_an_event_under_a_wrong_key_is_told_under_both_ids(self, redis: Redis) -> None:
        """Whichever of the two the sender looks at."""
        await Writer(redis).refuse("by-key", 7, value=b'{"video_id":"by-event"}')
        assert [len(await read_refusals(redis, KEYS, name)) for name in ("by-key", "by-event")] == [1, 1]

    async def test_other_topics_have_none(self, redis: Redis) -> None:
        """A viewer's wrong event is no refusal of an upload."""
        await Writer(redis).refuse("v", 7, topic="test.video.engagement", role="engagement")
        assert not await redis.exists(KEYS.refusals("v"))

    async def test_a_deletion_takes_it_and_nothing_brings_it_back(self, redis: Redis) -> None:
        """What was refused before the deletion is gone, also where its event is redelivered; later ones are told."""
        writer = Writer(redis)
        await writer.refuse("v", 7)
        await delete(redis, "v", offset=40)
        await writer.dead_letters.withdraw("v")
        assert not await redis.exists(KEYS.refusals("v"))
        assert await redis.zcard(KEYS.refused()) == 0
        for name in [name async for name in redis.scan_iter("*dead-letter:*")]:
            await redis.delete(name)
        await writer.refuse("v", 7)
        assert not await redis.exists(KEYS.refusals("v"))
        await writer.refuse("v", 41)
        assert [refusal.upload.offset for refusal in await read_refusals(redis, KEYS, "v")] == [41]

    async def test_a_wrong_upload_after_the_deletion_is_told(self, redis: Redis) -> None:
        """Intake is ahead of the fold: what was uploaded after the deletion stays, what came before goes."""
        writer = Writer(redis)
        for offset in (7, 41):
            await writer.refuse("v", offset)
        await delete(redis, "v", offset=40)
        for _ in range(2):
            await writer.dead_letters.withdraw("v")
        assert [refusal.upload.offset for refusal in await read_refusals(redis, KEYS, "v")] == [41]
        assert await redis.zcard(KEYS.refused()) == 1

    @pytest.mark.parametrize("kind", ["string", "list", "unreadable"])
    async def test_a_broken_key_stops_nobody(self, redis: Redis, kind: str) -> None:
        """A key of another type, and values that nobody can read: readers see nothing, the next refusal is told."""
        key = KEYS.refusals("v")
        if kind == "string":
            await redis.set(key, b"x")
        elif kind == "list":
            await redis.rpush(key, b"x")
        else:
            await redis.hset(key, mapping={str(number): b"[no refusal" for number in range(9)})
        assert await read_refusals(redis, KEYS, "v") == ()
        assert (await read_for_sender(redis, KEYS, "v")).refusals == ()
        await Writer(redis).refuse("v", 7)
        assert len(await read_refusals(redis, KEYS, "v")) == 1
        assert await redis.hlen(key) <= MOST_REFUSALS
        if kind == "string":
            await redis.set(key, b"x")
        await delete(redis, "v", offset=40)
        await Writer(redis).dead_letters.withdraw("v")
        assert not await redis.exists(key)

    @pytest.mark.parametrize("num_turns", range(14))
    async def test_a_deletion_at_any_moment(self, redis: Redis, num_turns: int) -> None:
        """Wherever it comes between the writer's calls, no refusal of what it deleted is left."""
        calls, send = 0, redis.execute_command

        async def counted(*words: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == num_turns:
                client.execute_command = send  # type: ignore[method-assign]
                await delete(redis, "v", offset=40)
                await Writer(redis).dead_letters.withdraw("v")
            return await send(*words, **options)

        client = Redis(connection_pool=redis.connection_pool)
        client.execute_command = counted  # type: ignore[method-assign]
        await Writer(client).refuse("v", 7)
        if calls < num_turns or num_turns == 0:
            await delete(redis, "v", offset=40)
            await Writer(redis).dead_letters.withdraw("v")
        assert not await redis.exists(KEYS.refusals("v"))


async def test_endings_come_in_the_order_of_the_arguments(redis: Redis) -> None:
    """The second is known before the first; the third is open when the time is up."""
    writer, settings = Writer(redis), read_settings(topic_prefix=KEYS.prefix)
    first, second, third = (
        PublishedUpload(name, 1, "test.video.uploaded", 1, offset, StatusReading())
        for offset, name in enumerate(("first", "second", "third"))
    )
    await writer.refuse("second", 1)
    running: set[asyncio.Task[None]] = set()

    def on_progress(num_done: int) -> None:
        if num_done == 1 and not running:
            running.add(asyncio.create_task(writer.refuse("first", 0)))

    told = endings(redis, settings, [first, second], 60.0, on_progress)
    assert [upload.video_id async for upload, ending in told if ending is not None] == ["first", "second"]
    late = endings(redis, settings, [third, second], 0.0)
    assert [(upload.video_id, ending is None) async for upload, ending in late] == [("third", True), ("second", False)]
