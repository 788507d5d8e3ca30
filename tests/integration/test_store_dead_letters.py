"""Dead letters of deleted videos on a real Redis: whenever one is written, a tombstone follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from schemas.facts import Deleted, Failure, SourceOffset
from schemas.topics import DEAD_LETTER
from streams.dead_letters.dead_letters import DeadLetters
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.record import Place, Record
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET

KEYS = Keys("test.")
FAILURE = Failure(cause="event-not-json", message="no")
STEPS = 12
"""More than a writer waits for anything."""


def poison(key: bytes | None = b"video", offset: int = 7) -> Record:
    return Record(Place("video.engagement", 1, offset), key, b"{", (), 12.5, 1)


def dead_letters_of(redis: Redis, publisher: MemoryPublisher) -> DeadLetters:
    return DeadLetters(publisher, redis, KEYS, ManualClock())  # type: ignore[arg-type]


async def delete(redis: Redis, publisher: MemoryPublisher, revision: int = 1) -> None:
    """What the fold does to dead letters: the deletion marker first, then what the index names."""
    await redis.set(KEYS.deletion_marker("video"), revision)
    await dead_letters_of(redis, publisher).withdraw("video")


def standing(publisher: MemoryPublisher) -> list[Any]:
    """Keys whose last record is a dead letter."""
    last = {record.key: record.value for record in publisher.of(DEAD_LETTER)}
    return [key for key, value in last.items() if value is not None]


class Death(Exception):
    """The writer's."""


async def die() -> None:
    raise Death


@dataclass
class StoppingPublisher(MemoryPublisher):
    """Does something else at each record before it goes out, or after."""

    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None

    async def publish(self, *asked: Any, **named: Any) -> int:
        before, self.before = self.before, None
        if before is not None:
            await before()
        offset = await super().publish(*asked, **named)
        after, self.after = self.after, None
        if after is not None:
            await after()
        return offset


async def test_poison_after_the_deletion_leaves_nothing_to_read(redis: Redis) -> None:
    """No bytes of it are published at all; its place gets a tombstone, once, and nothing stays in the index."""
    publisher = MemoryPublisher()
    await delete(redis, publisher)
    for _ in range(2):
        await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert [record.value for record in publisher.records] == [None]
    assert not await redis.exists(KEYS.letters("video"))


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_deletion_during_the_write_withdraws_the_dead_letter(redis: Redis, moment: str) -> None:
    """It is deleted just before the dead letter is out, or just after, before the index has it: a tombstone follows."""
    publisher = StoppingPublisher()
    setattr(publisher, moment, lambda: delete(redis, MemoryPublisher()))
    await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert [record.value is None for record in publisher.records] == [False, True]


async def test_a_dead_letter_of_a_writer_that_died_is_withdrawn(redis: Redis) -> None:
    """The dead letter is in no index when the video is deleted; the event is redelivered, and its dead letter is
    withdrawn."""
    publisher = StoppingPublisher(after=die)
    with pytest.raises(Death):
        await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    await delete(redis, publisher)
    assert len(standing(publisher)) == 1
    await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert standing(publisher) == []


async def test_a_writer_that_dies_before_its_tombstone_is_made_good(redis: Redis) -> None:
    """It found the video deleted, and died with the dead letter out; the event is redelivered."""
    publisher = StoppingPublisher()

    async def delete_then_die() -> None:
        await delete(redis, MemoryPublisher())
        publisher.before = die

    publisher.after = delete_then_die
    with pytest.raises(Death):
        await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert len(standing(publisher)) == 1
    await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert standing(publisher) == []


async def test_what_is_written_while_deletion_markers_are_missing_waits_for_the_next_tombstones(redis: Redis) -> None:
    """An emptied store knows of no deletion: the dead letter stands in the index, and the rebuilt deletion marker's
    poll takes it."""
    publisher = MemoryPublisher()
    await delete(redis, publisher)
    await redis.flushall()
    await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="engagement")
    assert len(standing(publisher)) == 1
    await redis.set(KEYS.deletion_marker("video"), 1)
    assert await dead_letters_of(redis, publisher).withdraw("video") == 1
    assert standing(publisher) == []


@pytest.mark.parametrize(("revision", "is_standing"), [(1, False), (2, True), (None, False)])
async def test_a_dead_letter_of_a_newer_revision_is_kept(redis: Redis, revision: int | None, is_standing: bool) -> None:
    """A deletion marker reaches as far as its revision; what cannot be read is taken for the deleted video's."""
    publisher = MemoryPublisher()
    await delete(redis, publisher)
    await dead_letters_of(redis, publisher).write(poison(), FAILURE, role="media", revision=revision)
    assert bool(standing(publisher)) == is_standing


@pytest.mark.parametrize(
    ("place", "is_standing"),
    [
        (Place("video.uploaded", 1, 41), True),
        (Place("video.uploaded", 1, 39), False),
        (Place("video.uploaded", 2, 41), False),
        (Place("video.engagement", 1, 41), False),
    ],
)
async def test_a_wrong_upload_after_the_deletion_is_told(redis: Redis, place: Place, is_standing: bool) -> None:
    """Its producer learns of the refusal, although the id was deleted before; what cannot be compared is withdrawn."""
    publisher = MemoryPublisher()
    outcomes, before = Outcomes(redis, KEYS), SourceOffset(topic="video.uploaded", partition=1, offset=40)
    fact = Deleted(video_id="video", revision=1, reason="", event_unix_seconds=0.0, before=before)
    folded = fold(None, fact, 3, FoldContext(RULESET.policy, RULESET.prices, 0, 0.0))
    assert folded.state is not None
    await outcomes.replace("video", None, folded.state, None)
    await dead_letters_of(redis, publisher).write(Record(place, b"video", b"{", (), 0.0, 1), FAILURE, role="intake")
    assert bool(standing(publisher)) == is_standing


@pytest.mark.parametrize("key", [None, b"", b"no video id", b"another"])
async def test_dead_letters_of_no_video_and_of_others_stay(redis: Redis, key: bytes | None) -> None:
    """A deletion reaches its own video's dead letters."""
    publisher = MemoryPublisher()
    await delete(redis, publisher)
    await dead_letters_of(redis, publisher).write(poison(key), FAILURE, role="intake")
    assert len(standing(publisher)) == 1


@pytest.mark.parametrize("num_turns", range(STEPS))
async def test_any_interleaving_with_a_deletion_ends_in_a_tombstone(redis: Redis, num_turns: int) -> None:
    """Wherever the deletion comes between the writer's calls, the last word under the dead letter's key is a
    tombstone."""
    publisher = MemoryPublisher()
    calls = 0
    send = redis.execute_command

    async def counted(*words: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == num_turns:
            writer.execute_command = send  # type: ignore[method-assign]
            await delete(redis, publisher)
        return await send(*words, **options)

    writer = Redis(connection_pool=redis.connection_pool)
    writer.execute_command = counted  # type: ignore[method-assign]
    await dead_letters_of(writer, publisher).write(poison(), FAILURE, role="engagement")
    if calls < num_turns or num_turns == 0:
        await delete(redis, publisher)
    assert standing(publisher) == []
