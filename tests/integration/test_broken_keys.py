"""Every key kind holds another type, or random bytes: workers go on with other videos, and the broken one is mended.

Which kinds there are is taken from `Keys` itself, so that a new kind fails here until somebody says what becomes of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest
import redis as blocking
from msgspec.structs import replace
from redis.asyncio import Redis

from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.evidence import TextFound
from schemas.facts import SourceOffset
from schemas.outcomes import Outcome
from streams.backfill.jobs import Jobs
from streams.dead_letters.dead_letter_index import DeadLetterIndex, Subject
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.delivery.attempts import Attempts
from streams.engagement.batch_board import CountedRange, Suspects
from streams.engagement.counting_deaths import note_counting_death
from streams.engagement.store import EngagementStore, Retention, decode_record
from streams.lifecycle.own_deaths import OwnDeaths
from streams.record import Place, Record
from streams.recovery.periodic_audit import take_turn
from streams.similarity.picture_index import PictureIndex
from streams.similarity.vectors import Vectors
from streams.similarity.video_hashes import video_hashes
from streams.store.applied import AppliedOffsets, StoreBehindLog
from streams.store.claims import Claims
from streams.store.deadlines import Deadline, Deadlines
from streams.store.deletion_reading import read_deletion
from streams.store.fold_deaths import FactDeaths
from streams.store.keys import Keys
from streams.store.readers import read_video
from streams.store.recognised_texts import TEXT_KEYS, read_texts
from streams.store.refusal_reading import read_refusals
from streams.store.stalls import StallMemory
from streams.store.video_statuses import Registered, VideoStatuses
from tests.integration.gap_world import World, clip, rest
from tests.sample_facts import VIDEO_ID, accepted, feature, signal

KEYS: Final = Keys()
OTHER: Final = "video-2"
GARBAGE: Final = bytes(range(200, 256)) + b"\x00{"
PLACE: Final = Place("video.uploaded", 0, 7)
GROUP: Final = "group"


@dataclass(frozen=True)
class Kind:
    """One kind of key: its name, its type, a field of it where it is a hash, and who meets it."""

    name: str
    type: str
    meet: Callable[[Redis], Awaitable[None]]
    """Works with the broken key as workers do; asserts that it ends mended or in a named state."""
    field: str = "field"


async def fold(redis: Redis) -> None:
    """The verdict role folds both videos to their end, with one look at the gaps."""
    world = World(redis)
    await world.handle(*clip(), *clip(OTHER), rest(), rest(OTHER))
    await world.look()
    assert (await world.verdict(OTHER)).status == "final"
    await world.check_healed()


async def accept(redis: Redis) -> None:
    assert await VideoStatuses(redis, KEYS).register(accepted()) == Registered.WRITTEN
    assert await VideoStatuses(redis, KEYS).register(accepted(video_id=OTHER)) == Registered.WRITTEN
    assert await redis.hget(KEYS.status(VIDEO_ID), "revision") == b"1"


async def accept_and_fold(redis: Redis) -> None:
    await accept(redis)
    await fold(redis)
    reading = await read_video(redis, KEYS, VIDEO_ID)
    assert reading is not None
    assert reading.status["status"] == "final"
    assert reading.unreadable == ()


async def claim(redis: Redis) -> None:
    claims = Claims(redis, KEYS, 100.0)
    assert (await claims.look_up(VIDEO_ID, ("field",))).claimed is None
    assert await claims.claim(VIDEO_ID, "field", encode(signal()), revision=1) == encode(signal())
    assert (await claims.look_up(VIDEO_ID, ("field",))).claimed == encode(signal())


async def claim_with_text(redis: Redis) -> None:
    found = TextFound(model="m@1", text="words", score=0.9, start_seconds=0.0, end_seconds=1.0)
    assert await read_texts(redis, KEYS, VIDEO_ID) == ()
    claims = Claims(redis, KEYS, 100.0, text_retention_seconds=100)
    for modality in TEXT_KEYS:
        await claims.claim(VIDEO_ID, modality, encode(signal()), revision=1, modality=modality, texts=(found,))
    assert await read_texts(redis, KEYS, VIDEO_ID) == (found, found)


async def guarded(redis: Redis) -> None:
    await claim(redis)
    await accept_and_fold(redis)


async def deleted(redis: Redis) -> None:
    assert await read_deletion(redis, KEYS, VIDEO_ID) is None
    assert not await DeadLetterIndex(redis, KEYS, 100.0).is_deleted(b"video-1#a", Subject(1))
    await fold(redis)


async def dead_letters(redis: Redis) -> None:
    index = DeadLetterIndex(redis, KEYS, 100.0)
    await index.dead_letters(VIDEO_ID)
    await index.add(b"video-1#a", 3)
    assert (await index.dead_letters(VIDEO_ID))[b"video-1#a"] == 3
    await index.drop(b"video-1#a")


async def refusals(redis: Redis) -> None:
    record = Record(PLACE, VIDEO_ID.encode(), b'{"video_id": "video-1"}', (), 0.0, 1)
    assert await read_refusals(redis, KEYS, VIDEO_ID) == ()
    await RefusedUploads(redis, KEYS).note(record, dead_letter(), 5, Subject(1))
    (found,) = await read_refusals(redis, KEYS, VIDEO_ID)
    assert found.dead_letter_id == "id"


def dead_letter() -> DeadLetter:
    return DeadLetter(
        dead_letter_id="id", cause="event-invalid", message="", role="intake", attempts=1,
        source=SourceOffset(topic=PLACE.topic, partition=0, offset=7), source_timestamp_unix_seconds=0.0,
        failed_unix_seconds=1.0, key=VIDEO_ID.encode(), headers=(), value=b"", value_bytes=0, value_sha256="",
    )  # fmt: skip


async def gap(redis: Redis) -> None:
    """A gap that cannot be read still keeps the fold off, until the log was folded again."""
    world = World(redis)
    await world.handle(*clip(), rest())
    await world.look()
    if await world.gaps.read(VIDEO_ID) is not None:
        world.clock.advance(3_600.0)
        await world.look()
    await world.check_healed()


def due(name: Callable[[Keys], str]) -> Callable[[Redis], Awaitable[None]]:
    async def meet(redis: Redis) -> None:
        deadlines = Deadlines(redis, KEYS, name(KEYS))
        await deadlines.register(Deadline(VIDEO_ID, 1, 5.0))
        await deadlines.claim(10.0, seconds=1.0, limit=9)
        await deadlines.postpone(Deadline(VIDEO_ID, 1, 5.0))
        assert [entry.video_id for entry in await deadlines.claim(10.0, seconds=1.0, limit=9)] == [VIDEO_ID]

    return meet


async def vectors(redis: Redis) -> None:
    world = World(redis)
    await world.handle(*clip(), rest())
    outcome: Outcome | None = (await world.outcomes.read(VIDEO_ID)).outcome
    assert outcome is not None
    writer = Vectors(redis, KEYS)
    await writer.replace(outcome)
    assert await writer.differences(VIDEO_ID, outcome) == []
    await writer.remove(VIDEO_ID)


async def picture_hashes(redis: Redis) -> None:
    world = World(redis)
    await world.handle(*clip(), rest())
    outcome: Outcome | None = (await world.outcomes.read(VIDEO_ID)).outcome
    assert outcome is not None
    entry = {"pts_seconds": 0.5, "hash": f"{2**200 - 1:064x}", "quality": 99}
    seen = replace(outcome.record, features={"visual.perceptual_hashes": feature([entry])})
    outcome = replace(outcome, record=seen)
    index = PictureIndex(redis, KEYS)
    await index.replace(outcome)
    assert await index.differences(VIDEO_ID, outcome) == []
    assert await index.sharing(video_hashes(seen.features), 9) == [VIDEO_ID]
    await index.remove(VIDEO_ID)


async def attempts(redis: Redis) -> None:
    counted = Attempts(redis, KEYS)
    assert (await counted.begin(PLACE)).unclean_ends == 0
    await counted.begin_exclusively(PLACE)
    assert (await counted.begin(PLACE)).exclusive_deaths == 1


async def intake_attempts(redis: Redis) -> None:
    counted = Attempts(redis, KEYS, name_key=KEYS.intake_attempts)
    assert (await counted.begin(PLACE)).unclean_ends == 0
    assert (await counted.begin(PLACE)).unclean_ends == 1


async def applied(redis: Redis) -> None:
    """Shared by all videos of its partition: the process ends by an error that says what to do."""
    offsets = AppliedOffsets(redis, KEYS, GROUP)
    if await redis.type(KEYS.applied(GROUP, PLACE.topic, 0)) == b"string":
        with pytest.raises(StoreBehindLog, match="rebuild"):
            await offsets.read([(PLACE.topic, 0)])
    else:  # unknown to Redis, and that ends it where the group has committed anything
        assert await offsets.read([(PLACE.topic, 0)]) == {}


async def stalls(redis: Redis) -> None:
    memory = StallMemory(redis, KEYS.stalls("host"))
    assert await memory.num_recent() == 0
    await memory.note()
    assert await memory.num_recent() == 1


async def held(redis: Redis) -> None:
    """Held by anyone who wrote it: no audit until it is removed, and no error."""
    assert not await take_turn(redis, KEYS, 10.0)


async def there(redis: Redis) -> None:
    """Only that it is there says anything."""
    assert await redis.exists(KEYS.backfill_paused(), KEYS.dead_letter("id")) >= 1


async def engagement_place(redis: Redis) -> None:
    """Nothing can stand in for what is no number: its partition waits, and no other."""
    store = counts_of(redis)
    is_text = await redis.type(KEYS.engagement_offset("topic", 0)) == b"string"
    assert store.positions([0, 1]) == ({1: None} if is_text else {0: None, 1: None})


async def counts(redis: Redis) -> None:
    """Counts of another type count as none, as MGET says of them; both begin again."""
    (value,) = await redis.mget(KEYS.engagement(VIDEO_ID))
    assert decode_record(value) is None
    await accept(redis)
    await fold(redis)
    reading = await read_video(redis, KEYS, VIDEO_ID)
    assert reading is not None
    assert reading.unreadable == ("engagement",)


async def ids(redis: Redis) -> None:
    store = counts_of(redis)
    name = KEYS.engagement_ids("topic", 0, 1)
    store._touch("hash", [name])
    is_broken = await redis.type(name) != b"hash"
    try:
        await redis.hget(name, "x")
    except blocking.ResponseError as error:
        assert store.repair(error)
        assert await redis.exists(name) == 0
    else:
        assert not is_broken


async def deaths(redis: Redis) -> None:
    """What the parent process notes of deaths begins again, and the worker reads it."""
    store = counts_of(redis)
    try:
        found = store.suspects([0])
    except blocking.ResponseError as error:
        assert store.repair(error)
        found = store.suspects([0])
    assert found == {}
    await note_counting_death(redis, KEYS, CountedRange("topic", 0, 5, 5), "crash")
    assert store.suspects([0]) == {0: Suspects(5, 5, OwnDeaths(1))}


async def fold_deaths(redis: Redis) -> None:
    """What the parent process notes of a death over a fact begins again, and a worker reads it."""
    noted = FactDeaths(redis, KEYS)
    assert await noted.note(PLACE, "crash") == OwnDeaths(1)
    assert await noted.suspects(PLACE.topic, 0) == {PLACE.offset}


async def summaries(redis: Redis) -> None:
    store = counts_of(redis)
    try:
        store.due(0, 10.0, 9)
    except blocking.ResponseError as error:
        assert store.repair(error)
    store.due(0, 10.0, 9)


def counts_of(redis: Redis) -> EngagementStore:
    options = redis.connection_pool.connection_kwargs
    client = blocking.Redis(
        **{name: options[name] for name in ("host", "port", "db", "path", "unix_socket_path") if name in options}
    )
    return EngagementStore(client, KEYS, "topic", Retention(10.0, 10.0))


async def job(redis: Redis) -> None:
    """Jobs are read by commands, which name a job that cannot be read."""
    assert await Jobs(redis, KEYS).read("a") is None
    assert await Jobs(redis, KEYS).read_all() == []


KINDS: Final[dict[str, Kind]] = {
    "status": Kind(KEYS.status(VIDEO_ID), "hash", accept_and_fold, "revision"),
    "verdict": Kind(KEYS.verdict(VIDEO_ID), "string", accept_and_fold),
    "features": Kind(KEYS.features(VIDEO_ID), "hash", accept_and_fold),
    "embeddings": Kind(KEYS.embeddings(VIDEO_ID), "hash", accept_and_fold),
    "state": Kind(KEYS.state(VIDEO_ID), "hash", fold, "state"),
    "gap": Kind(KEYS.gap(VIDEO_ID), "hash", gap, "waiting_offset"),
    "gaps": Kind(KEYS.gaps(), "zset", due(Keys.gaps)),
    "claims": Kind(KEYS.claims(VIDEO_ID), "hash", claim),
    "speech_text": Kind(KEYS.speech_text(VIDEO_ID), "string", claim_with_text),
    "picture_text": Kind(KEYS.picture_text(VIDEO_ID), "string", claim_with_text),
    "deletion_marker": Kind(KEYS.deletion_marker(VIDEO_ID), "string", guarded),
    "deletion": Kind(KEYS.deletion(VIDEO_ID), "string", deleted),
    "letters": Kind(KEYS.letters(VIDEO_ID), "hash", dead_letters),
    "refusals": Kind(KEYS.refusals(VIDEO_ID), "hash", refusals),
    "refused": Kind(KEYS.refused(), "zset", refusals),
    "deadlines": Kind(KEYS.deadlines(), "zset", due(Keys.deadlines)),
    "tombstones": Kind(KEYS.tombstones(), "zset", due(Keys.tombstones)),
    "expiring": Kind(KEYS.expiring(), "zset", due(Keys.expiring)),
    "audit": Kind(KEYS.audit(), "string", held),
    "stalls": Kind(KEYS.stalls("host"), "string", stalls),
    "spaces": Kind(KEYS.spaces(), "set", vectors),
    "space": Kind(KEYS.space("frames-space/3"), "vectorset", vectors),
    "picture_hashes": Kind(KEYS.picture_hashes(), "vectorset", picture_hashes),
    "jobs": Kind(KEYS.jobs(), "zset", job),
    "job": Kind(KEYS.job("a"), "hash", job),
    "backfill_paused": Kind(KEYS.backfill_paused(), "string", there),
    "applied": Kind(KEYS.applied(GROUP, PLACE.topic, 0), "string", applied),
    "attempts": Kind(KEYS.attempts(PLACE.topic, 0, 7), "hash", attempts, "started"),
    "intake_attempts": Kind(KEYS.intake_attempts(PLACE.topic, 0, 7), "hash", intake_attempts, "started"),
    "fold_deaths": Kind(KEYS.fold_deaths(PLACE.topic, 0), "hash", fold_deaths, str(PLACE.offset)),
    "dead_letter": Kind(KEYS.dead_letter("id"), "string", there),
    "engagement": Kind(KEYS.engagement(VIDEO_ID), "string", counts),
    "engagement_offset": Kind(KEYS.engagement_offset("topic", 0), "string", engagement_place),
    "engagement_ids": Kind(KEYS.engagement_ids("topic", 0, 1), "hash", ids),
    "engagement_deaths": Kind(KEYS.engagement_deaths("topic", 0), "hash", deaths, "first"),
    "engagement_due": Kind(KEYS.engagement_due(0), "zset", summaries),
}


def test_every_kind_is_here() -> None:
    """A kind of key that nobody broke is not known to be harmless."""
    kinds = {name for name, _ in inspect.getmembers(Keys, inspect.isfunction) if not name.startswith("_")}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
async def test_another_type(redis: Redis, name: str) -> None:
    """A value of somebody else is under the key."""
    kind = KINDS[name]
    if kind.type == "string":
        await redis.rpush(kind.name, "a value of somebody else")
    else:
        await redis.set(kind.name, "a value of somebody else")
    await kind.meet(redis)


@pytest.mark.parametrize("name", KINDS)
async def test_random_bytes(redis: Redis, name: str) -> None:
    """The type is right, and what is there is not."""
    await plant_garbage(redis, KINDS[name])
    await KINDS[name].meet(redis)


async def plant_garbage(redis: Redis, kind: Kind) -> None:
    if kind.type == "string":
        await redis.set(kind.name, GARBAGE)
    elif kind.type == "hash":
        await redis.hset(kind.name, kind.field, GARBAGE)
    elif kind.type == "zset":
        await redis.zadd(kind.name, {GARBAGE: 1.0})
    elif kind.type == "set":
        await redis.sadd(kind.name, GARBAGE)
    else:
        await redis.execute_command("VADD", kind.name, "VALUES", 3, 1, 0, 0, "somebody", "SETATTR", "not json")
