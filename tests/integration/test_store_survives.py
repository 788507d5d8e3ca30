"""Every key that is written to Redis is the same after a restart from the append-only file, and on a promoted replica.

Each kind of key of `streams.store.keys` has a case below: the store's own operations, each done twice, that create,
change and remove such keys. A command that Redis keeps in memory alone would show here; Redis 8.2 has one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.engagement import Engagement
from schemas.evidence import Embedding, TextFound
from schemas.facts import Deleted, Fact, Failure, Review
from schemas.outcomes import Outcome
from streams.backfill.jobs import Job, JobFilter, Jobs
from streams.dead_letters.dead_letters import DeadLetters
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.state import VideoState
from streams.delivery.attempts import Attempts
from streams.engagement.batch_board import CountedRange
from streams.engagement.batch_changes import Changes
from streams.engagement.counting_deaths import note_counting_death
from streams.engagement.store import EngagementStore, Retention
from streams.record import Place, Record
from streams.recovery.periodic_audit import take_turn
from streams.similarity.picture_index import PictureIndex
from streams.similarity.query import Filters, similar
from streams.similarity.spaces import drop_space
from streams.similarity.vectors import Vectors
from streams.store.applied import AppliedOffsets
from streams.store.claims import Claims
from streams.store.deadlines import Deadline, Deadlines
from streams.store.deletion_reach import Hidden
from streams.store.fold_deaths import FactDeaths
from streams.store.gaps import Gaps, Said, WaitingFact
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.recognised_texts import TEXT_KEYS
from streams.store.stalls import StallMemory
from streams.store.video_statuses import VideoStatuses
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET
from tests.sample_facts import accepted, embedding, feature, signal

KEYS: Final = Keys("kept-")
PARTITION: Final = ("video.signals", 0)
DAY_SECONDS: Final = 86_400.0
_READING: Final = {"VINFO", "VISMEMBER"}
"""Commands of the code that change nothing, and that no case above sends."""
_COMMAND: Final = re.compile(r"(?:redis\.call|execute_command)\(\s*['\"]([A-Z]+)")


@dataclass
class World:
    """The store's own parts, on one server."""

    redis: Redis
    blocking: BlockingRedis
    offset: int = 0

    @cached_property
    def outcomes(self) -> Outcomes:
        return Outcomes(self.redis, KEYS)

    @cached_property
    def vectors(self) -> Vectors:
        return Vectors(self.redis, KEYS)

    async def decide(self, video_id: str) -> Outcome:
        """A video with its final outcome."""
        said = await self.fold(accepted(video_id=video_id, expected=("frames",)), signal(video_id=video_id))
        assert said is not None
        return said

    async def fold(self, *facts: Fact) -> Outcome | None:
        """Fold facts of one video as the verdict role does; each write is sent twice. Returns the last outcome."""
        said: Outcome | None = None
        for fact in facts:
            state = (await self.outcomes.read(fact.video_id)).state
            self.offset += 1
            context = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)
            folded = fold(state, fact, self.offset, context)
            assert folded.state is not None
            await self._write_twice(fact.video_id, state, folded.state, folded.outcome)
            said = folded.outcome or said
        return said

    async def _write_twice(
        self, video_id: str, before: VideoState | None, after: VideoState, outcome: Outcome | None
    ) -> None:
        written = [await self.outcomes.replace(video_id, before, after, outcome) for _ in range(2)]
        assert written == [True, False]
        if after.version is not None:
            for _ in range(2):
                await self.outcomes.mark_published(video_id, after.version)


async def fold_outcomes(world: World) -> None:
    """Status, verdict, features, embeddings, state, deletion marker: decided, changed, forgotten, begun again,
    expired."""
    for video_id in ("decided", "forgotten", "again"):
        await world.decide(video_id)
    await world.fold(signal(video_id="decided", generation=2))
    for video_id in ("forgotten", "again"):
        await world.fold(Deleted(video_id=video_id, revision=1, reason="", event_unix_seconds=0.0))
    await world.fold(accepted(2, video_id="again", expected=("frames",)))
    said = await world.decide("expired")
    assert [await world.outcomes.expire("expired", said.version) for _ in range(2)] == [True, False]


async def follow_vectors(world: World) -> None:
    """Vectors that are new, moved, of other attributes, of a space that goes, removed, and of a dropped space."""
    said = await world.decide("like")
    mine = said.record.embeddings
    spaces = {"old/3": embedding([1.0, 2.0, 3.0]), "dropped/3": embedding([1.0, 2.0, 3.0])}
    names = ("like", "moved", "removed", "blocked", "stays")
    first = [outcome_of(said, name, {**mine, **spaces}) for name in names]
    later = [
        outcome_of(said, "moved", {"frames-space/3": embedding([3.0, -1.0, 2.0])}),
        outcome_of(said, "blocked", {**mine, **spaces}, action="block"),
        said,
    ]
    for outcome in (*first, *later):
        for _ in range(2):
            await world.vectors.replace(outcome)
    for _ in range(2):
        await world.vectors.remove("removed")
        await drop_space(world.redis, KEYS, "dropped/3")


async def index_pictures(world: World) -> None:
    """Hashes that are new, changed, fewer, and removed."""
    said = await world.decide("seen")
    index = PictureIndex(world.redis, KEYS)
    for video_id, *values in (
        ("seen", 1, 2**200 - 1),
        ("changed", 1),
        ("changed", 2**99 - 1),
        ("gone", 5),
        ("seen", 1),
    ):
        for _ in range(2):
            await index.replace(with_hashes(said, video_id, values))
    for _ in range(2):
        await index.remove("gone")


def with_hashes(said: Outcome, video_id: str, values: list[int]) -> Outcome:
    """The same of another video, whose pictures have these hashes."""
    entries = [{"pts_seconds": float(at), "hash": f"{value:064x}", "quality": 99} for at, value in enumerate(values)]
    record = replace(said.record, video_id=video_id, features={"visual.perceptual_hashes": feature(entries)})
    return Outcome(verdict=replace(said.verdict, video_id=video_id), record=record)


def outcome_of(said: Outcome, video_id: str, embeddings: dict[str, Embedding], **verdict: Any) -> Outcome:
    """The same of another video, with these embeddings."""
    record = replace(said.record, video_id=video_id, embeddings=embeddings)
    return Outcome(verdict=replace(said.verdict, video_id=video_id, **verdict), record=record)


async def claim_signals(world: World) -> None:
    """The first bytes of a signal stay, and live on; a deletion takes those of its revision."""
    claims = Claims(world.redis, KEYS, 15 * DAY_SECONDS)
    for revision in (1, 2):
        await claims.claim("unclaimed", f"signal-{revision}", b"first", revision=revision)
    await world.fold(Deleted(video_id="unclaimed", revision=1, reason="", event_unix_seconds=0.0))
    for value in (b"first", b"second"):
        assert await claims.claim("claimed", "signal-1", value, revision=1) == b"first"


async def keep_texts(world: World) -> None:
    """What is said and what pictures show in writing, with its signal; the newest revision's stays."""
    claims = Claims(world.redis, KEYS, 15 * DAY_SECONDS, int(DAY_SECONDS))
    found = TextFound(model="m@1", text="words", score=0.9, start_seconds=1.0, end_seconds=2.0)
    for modality in TEXT_KEYS:
        for revision in (1, 2):
            name = f"{modality}-{revision}"
            await claims.claim("spoken", name, b"first", revision=revision, modality=modality, texts=(found,))


async def name_deletions(world: World) -> None:
    """Registered twice, and deleted by the place of the event."""
    cases = VideoStatuses(world.redis, KEYS)
    upload = accepted(3, video_id="unnamed")
    for _ in range(2):
        await cases.register(upload)
    place = replace(upload.source, offset=upload.source.offset + 1)
    await world.fold(upload, Deleted(video_id="unnamed", revision=1, reason="", event_unix_seconds=0.0, before=place))


async def keep_times(world: World) -> None:
    """Deadlines, tombstones and ends: registered, postponed, removed."""
    for name in (None, KEYS.tombstones(), KEYS.expiring()):
        times = Deadlines(world.redis, KEYS, name)
        for _ in range(2):
            for video_id in ("waits", "later", "done"):
                await times.register(Deadline(video_id, 1, 10.5))
            await times.postpone(Deadline("later", 1, 20.5))
            await times.remove(Deadline("done", 1, 10.5))
            await times.register(Deadline("dropped", 1, 10.5))
            await times.drop("dropped", 1)
            claimed = await times.claim(11.0, seconds=5.0, limit=9)
            for entry in claimed:
                await times.renew(entry, 17.5)


async def write_dead_letters(world: World) -> None:
    """A dead letter, its mark, its place in the video's list and its refusal; one is taken back, one video's are
    dropped."""
    publisher: Any = MemoryPublisher()
    dead_letters = DeadLetters(
        publisher, world.redis, KEYS, ManualClock(), refused=RefusedUploads(world.redis, KEYS, DAY_SECONDS, 2)
    )
    for offset, video_id in enumerate(("dropped", *["poison"] * 7, "withdrawn")):
        record = Record(Place("video.uploaded", 0, offset), video_id.encode(), b"{", (), 12.5, 1)
        for _ in range(2):
            await dead_letters.write(record, Failure(cause="event-invalid", message=""), role="intake")
    assert [await dead_letters.withdraw("withdrawn") for _ in range(2)] == [1, 0]
    await world.fold(Deleted(video_id="withdrawn", revision=1, reason="", event_unix_seconds=0.0))
    await dead_letters.withdraw("withdrawn")


async def take_turns(world: World) -> None:
    """The audit's turn is held."""
    assert [await take_turn(world.redis, KEYS, 2 * DAY_SECONDS) for _ in range(2)] == [True, False]


async def run_jobs(world: World) -> None:
    """A job is saved, and saved again; backfill is paused."""
    jobs = Jobs(world.redis, KEYS)
    job = Job(job_id="job", created_unix_seconds=1e9, filter=JobFilter(since_unix_seconds=0.0))
    for _ in range(2):
        await jobs.save(job)
        await jobs.save(replace(job, is_sent=True, num_sent=3, first_offsets={0: 1}))
        await jobs.pause()
        await jobs.resume()
        await jobs.pause()


async def apply_offsets(world: World) -> None:
    """Progress, written and raised."""
    applied = AppliedOffsets(world.redis, KEYS, "group")
    for offset in (3, 3, 8, 8):
        await applied.write({PARTITION: offset})
        await applied.raise_to({PARTITION: offset + 1, ("video.signals", 1): offset})


async def count_attempts(world: World) -> None:
    """Of media and intake: one event goes on, one is withdrawn, one ends."""
    goes_on, withdrawn, ends = (Place("video.uploaded", 0, offset) for offset in range(3))
    for name_key in (KEYS.attempts, KEYS.intake_attempts):
        for place in (goes_on, withdrawn, ends):
            attempts = Attempts(world.redis, KEYS, name_key=name_key)  # each has a turn of its own to run alone
            for _ in range(2):
                await attempts.begin(place)
            await attempts.begin_exclusively(place)
            if place is withdrawn:
                await attempts.withdraw(place, was_exclusive=True)
            if place is ends:
                await attempts.end(place)


async def wait_in_gaps(world: World) -> None:
    """One gap stands, noted and served; one is closed, as the log makes no state of its video."""
    gaps = Gaps(world.redis, KEYS, "1")
    for video_id in ("gap-stands", "gap-closes"):
        fact = WaitingFact(video_id, 0, 0, 7, "internal-error", "why")
        assert [await gaps.wait(fact, 1e9) for _ in range(2)] == [True, False]
        for _ in range(2):
            await gaps.note(video_id, refolds=1)
            gap = await gaps.read(video_id)
            assert gap is not None
            said = Said("1.0.7", b"{}", {"action": "review", "revision": 1})
            assert await gaps.say(video_id, gap, await gaps.said(video_id), said)
            assert await gaps.told(video_id, said.version)
    deletion = Deleted(video_id="gap-stands", revision=1, reason="", event_unix_seconds=1e9)
    assert [await gaps.hide("gap-stands", deletion) for _ in range(2)] == [Hidden(verdict=True, evidence=True)] * 2
    assert await gaps.close_empty("gap-closes", 0, 7)


async def count_stalls(world: World) -> None:
    """One machine's workers stalled twice; another's did, and are well again."""
    stalled, well = (StallMemory(world.redis, KEYS.stalls(host)) for host in ("stalled", "well"))
    for _ in range(2):
        await stalled.note()
        await well.note()
        await well.forget()


async def count_engagement(world: World) -> None:
    """Counts, places, ids and what is due change in one transaction; one summary is settled."""
    store = EngagementStore(world.blocking, KEYS, "video.engagement", Retention(60 * DAY_SECONDS, DAY_SECONDS))
    for number in (1, 2, 12):
        for _ in range(2):
            with store.begin() as transaction:
                found = store.read(transaction, {0: []})
                store.commit(transaction, _counted(number), found)
    for _ in range(2):
        with store.begin() as transaction:
            store.read_due(transaction, ["settled", "forgotten"])
            store.settle(transaction, 0, ["settled", "forgotten"], ["forgotten"], {"counted": 50.0})
    await VideoStatuses(world.redis, KEYS).register(accepted(video_id="counted"))


def _counted(number: int) -> Changes:
    record = Engagement(counts={"view": number}, as_of_unix_seconds=float(number))
    videos = ("counted", "settled", "forgotten")
    return Changes(
        positions={0: number},
        identities={(0, number): {b"identity": b"content"}},
        records=dict.fromkeys(videos, record),
        due={0: dict.fromkeys(videos, float(number))},
    )


async def note_deaths(world: World) -> None:
    """Three deaths of the worker, the first over more offsets than one."""
    for first, last in ((3, 9), (5, 5), (5, 5)):
        await note_counting_death(world.redis, KEYS, CountedRange("video.engagement", 0, first, last), "crash")


async def note_fold_deaths(world: World) -> None:
    """Deaths over two facts; one of these is folded then."""
    deaths = FactDeaths(world.redis, KEYS)
    for offset in (3, 5):
        await deaths.note(Place("video.signals", 0, offset), "crash")
        await deaths.note(Place("video.signals", 0, offset), "unsure")
    for _ in range(2):
        await deaths.survived("video.signals", 0, [3])


Case = Callable[[World], Awaitable[None]]
CASES: Final[dict[str, Case]] = {
    **dict.fromkeys(("status", "verdict", "features", "embeddings", "state", "deletion_marker"), fold_outcomes),
    **dict.fromkeys(("spaces", "space"), follow_vectors),
    "picture_hashes": index_pictures,
    "claims": claim_signals,
    **dict.fromkeys(("speech_text", "picture_text"), keep_texts),
    "deletion": name_deletions,
    **dict.fromkeys(("deadlines", "tombstones", "expiring"), keep_times),
    **dict.fromkeys(("letters", "dead_letter", "refusals", "refused"), write_dead_letters),
    "audit": take_turns,
    **dict.fromkeys(("jobs", "job", "backfill_paused"), run_jobs),
    "applied": apply_offsets,
    **dict.fromkeys(("attempts", "intake_attempts"), count_attempts),
    **dict.fromkeys(("gap", "gaps"), wait_in_gaps),
    "stalls": count_stalls,
    "engagement_deaths": note_deaths,
    "fold_deaths": note_fold_deaths,
    **dict.fromkeys(("engagement", "engagement_offset", "engagement_ids", "engagement_due"), count_engagement),
}
"""What writes each kind of key."""


def kinds() -> set[str]:
    """Every kind of key, by the name of the method that spells it."""
    return {name for name in vars(Keys) if not name.startswith("_") and callable(getattr(Keys, name))}


def kind_of(key: str) -> str:
    """The kind of a key, by the words of its name."""
    words = key.removeprefix(f"{KEYS.prefix}vs:")
    word = words.rpartition("}:")[2] if words.startswith("{") else words
    word = word.partition(":")[0].replace("-", "_")
    return "deletion_marker" if word == "guard" else word  # the key keeps its name


def dump(redis: BlockingRedis) -> dict[str, Any]:
    """Everything that a server holds: by key its kind, its end in Unix milliseconds, and its content."""
    names = sorted(redis.scan_iter(count=1000))
    return {name.decode(): (redis.type(name), redis.pexpiretime(name), _content(redis, name)) for name in names}


def _content(redis: BlockingRedis, name: bytes) -> Any:
    match redis.type(name):
        case b"string":
            return redis.get(name)
        case b"hash":
            return redis.hgetall(name)
        case b"set":
            return redis.smembers(name)
        case b"zset":
            return redis.zrange(name, 0, -1, withscores=True)
        case b"vectorset":
            members = redis.execute_command("VRANDMEMBER", name, 1000)
            asked = [("VGETATTR",), ("VEMB",)]
            return {m: [redis.execute_command(*words, name, m) for words in asked] for m in members}
    raise AssertionError(f"{name!r} is of a type that no reader here knows: {redis.type(name)!r}")


def commands_in_scripts_and_code() -> set[str]:
    """Commands that our scripts call, and those that the code spells out itself."""
    package = Path(str(resources.files("streams")))
    texts = [path.read_text() for suffix in ("lua", "py") for path in package.rglob(f"*.{suffix}")]
    return {command for text in texts for command in _COMMAND.findall(text)}


@pytest.fixture
def servers() -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary that keeps what it confirms, and a replica of it."""
    with (
        scratch_dir() as folder,
        RedisServer(folder / "primary", persistent=True) as primary,
        RedisServer(folder / "replica") as replica,
    ):
        replica.follow(primary)
        yield primary, replica


class TestEveryKey:
    def test_every_kind_has_a_case(self) -> None:
        """A new kind of key needs a case above that writes it."""
        assert set(CASES) == kinds()

    async def test_nothing_is_kept_in_memory_alone(self, servers: tuple[RedisServer, RedisServer]) -> None:
        """What the primary says, it says again after a kill and a restart, and so does its promoted replica."""
        primary, replica = servers
        with BlockingRedis.from_url(primary.url) as blocking:
            async with Redis.from_url(primary.url) as client:
                for case in dict.fromkeys(CASES.values()):
                    await case(World(client, blocking))
            before = dump(blocking)
            used = {name.removeprefix("cmdstat_").partition("|")[0].upper() for name in blocking.info("commandstats")}
        assert {kind_of(key) for key in before} == kinds()
        assert commands_in_scripts_and_code() - used <= _READING
        replica.await_copy(primary)
        primary.restart()
        replica.promote()
        for server in servers:
            with BlockingRedis.from_url(server.url) as again:
                assert dump(again) == before

    async def test_a_blocked_video_stays_blocked(self, servers: tuple[RedisServer, RedisServer]) -> None:
        """A person blocked it after it was allowed: no search for allowed videos names it, there or on the replica."""
        primary, replica = servers
        with BlockingRedis.from_url(primary.url) as blocking:
            async with Redis.from_url(primary.url) as client:
                world = World(client, blocking)
                for video_id in ("asked", "allowed", "blocked"):
                    await world.vectors.replace(await world.decide(video_id))
                block = Review(
                    video_id="blocked", revision=1, action="block", reviewer="r", reason="", event_unix_seconds=1.0
                )
                said = await world.fold(block)
                assert said is not None
                await world.vectors.replace(said)
        replica.await_copy(primary)
        primary.restart()
        replica.promote()
        for server in servers:
            async with Redis.from_url(server.url) as again:
                found = await similar(
                    again, KEYS, "asked", space="frames-space/3", filters=Filters(is_allowed_only=True)
                )
            assert [neighbour.video_id for neighbour in found] == ["allowed"]
