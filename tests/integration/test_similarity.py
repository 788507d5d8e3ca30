"""Vectors in a real Redis: written with an outcome, searched in one space, migrated to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from typer.testing import CliRunner

from ops.cli.main import app
from schemas.codec import encode
from schemas.evidence import Embedding, Feature
from schemas.outcomes import ModalityStates, Outcome, RecommendationRecord, Verdict, Version
from schemas.receipts import Cost
from streams.similarity.duplicates import NUM_NEAREST as NUM_CANDIDATES
from streams.similarity.duplicates import near_duplicates
from streams.similarity.picture_index import NUM_NEAREST, PictureIndex
from streams.similarity.query import PICTURE_SPACE, Filters, InvalidQuery, NotInSpace, UnknownVideo, similar
from streams.similarity.spaces import Space, UnknownSpace, drop_space, read_migration, read_spaces
from streams.similarity.vectors import Vectors
from streams.similarity.video_hashes import mirrored, video_hashes
from streams.store.keys import Keys
from tests.sample_facts import UPLOADED_UNIX_SECONDS, feature

KEYS = Keys("stack-")
OLD, NEW, SOUNDS = "looks/3", "looks-2/3", "sounds/2"
UP, NEARLY_UP, ASIDE = (0.0, 0.0, 1.0), (0.0, 0.1, 1.0), (1.0, 0.0, 0.0)
COST = Cost(
    cpu_seconds=0.0, device_seconds=0.0, decode_cpu_seconds=0.0, num_decodes=0, usd=0.0, joules=0.0, is_modelled=True
)
HASH = int("9c" * 32, 16)
VALUES = [int.from_bytes(blake2b(bytes([number])).digest()[:32]) for number in range(8)]
"""Hashes of pictures that differ."""


@pytest.fixture
def vectors(redis: Redis) -> Vectors:
    return Vectors(redis, KEYS)


def outcome(
    video_id: str, spaces: Mapping[str, tuple[float, ...]], features: Mapping[str, Feature] | None = None, **said: Any
) -> Outcome:
    """What is said of a video: embeddings, and fields of the verdict."""
    version = Version(revision=1, generation=0, offset=7)
    embeddings = {
        space: Embedding.pack(numbers, space=space, model="model@1", event_unix_seconds=UPLOADED_UNIX_SECONDS)
        for space, numbers in spaces.items()
    }
    verdict: dict[str, Any] = {"status": "final", "action": "allow", "market": "DE", **said}
    return Outcome(
        verdict=Verdict(
            video_id=video_id, version=version, reasons=(), labels=(), modalities=ModalityStates(), policy="p",
            uploaded_unix_seconds=UPLOADED_UNIX_SECONDS, deadline_unix_seconds=UPLOADED_UNIX_SECONDS + 60.0,
            decided_unix_seconds=UPLOADED_UNIX_SECONDS + 1.0, cost=COST, **verdict,
        ),
        record=RecommendationRecord(
            video_id=video_id, version=version, status=verdict["status"], modalities=ModalityStates(),
            features=dict(features or {}), embeddings=embeddings, creator_id="creator-1",
            uploaded_unix_seconds=UPLOADED_UNIX_SECONDS,
        ),
    )  # fmt: skip


def seen(*values: int) -> dict[str, Feature]:
    """Hashes of pictures, one a second."""
    entries = [{"pts_seconds": float(at), "hash": f"{value:064x}", "quality": 99} for at, value in enumerate(values)]
    return {"visual.perceptual_hashes": feature(entries)}


async def store(redis: Redis, said: Outcome) -> None:
    """What the verdict role writes of an outcome, as far as it is read here, and the vectors."""
    record = said.record
    await redis.hset(KEYS.status(record.video_id), "status", said.verdict.status)
    await redis.delete(KEYS.embeddings(record.video_id), KEYS.features(record.video_id))
    for space, embedding in record.embeddings.items():
        await redis.hset(KEYS.embeddings(record.video_id), space, encode(embedding))
    for name, value in record.features.items():
        await redis.hset(KEYS.features(record.video_id), name, encode(value))
    await Vectors(redis, KEYS).replace(said)
    await PictureIndex(redis, KEYS).replace(said)


async def ids(redis: Redis, video_id: str, space: str = OLD, **filters: Any) -> list[str]:
    found = await similar(redis, KEYS, video_id, space=space, filters=Filters(**filters))
    return [neighbour.video_id for neighbour in found]


class TestReplace:
    async def test_attributes_are_those_of_the_outcome(self, redis: Redis, vectors: Vectors) -> None:
        """Whatever a filter may ask for is there; what is unknown is left out."""
        features = {"context.language": feature("de"), "visual.duration_seconds": feature(12.5)}
        await vectors.replace(outcome("a", {OLD: UP}, features, market=None))
        found = await redis.vset().vgetattr(KEYS.space(OLD), "a")
        assert isinstance(found, dict)
        assert len(found.pop("vector")) == 16  # tells this vector from another
        assert found == {
            "action": "allow", "status": "final", "creator_id": "creator-1", "language": "de", "revision": 1,
            "generation": 0, "offset": 7, "uploaded_unix_seconds": UPLOADED_UNIX_SECONDS, "duration_seconds": 12.5,
        }  # fmt: skip

    async def test_may_be_repeated(self, redis: Redis, vectors: Vectors) -> None:
        """The second time changes nothing."""
        for _ in range(2):
            await vectors.replace(outcome("a", {OLD: UP}))
        assert await read_spaces(redis, KEYS) == [Space(OLD, 3, 1)]

    async def test_a_later_outcome_moves_the_video(self, redis: Redis, vectors: Vectors) -> None:
        """Vector and attributes are the later ones; the space that it lacks now forgets the video."""
        await vectors.replace(outcome("a", {OLD: UP, SOUNDS: (1.0, 0.0)}))
        await vectors.replace(outcome("b", {OLD: ASIDE, SOUNDS: (1.0, 0.0)}))
        await vectors.replace(outcome("a", {OLD: ASIDE}, action="block"))
        (nearest,) = await similar(redis, KEYS, "b", space=OLD)
        assert nearest.cosine == pytest.approx(1.0, abs=1e-3)
        assert nearest.attributes["action"] == "block"
        assert await ids(redis, "b", SOUNDS) == []

    async def test_removal(self, redis: Redis, vectors: Vectors) -> None:
        """The video is in no space any more, and a second time is harmless."""
        for _ in range(2):
            await vectors.replace(outcome("a", {OLD: UP, SOUNDS: (1.0, 0.0)}))
            await vectors.replace(outcome("b", {OLD: UP}))
        for _ in range(2):
            await vectors.remove("a")
        assert await read_spaces(redis, KEYS) == [Space(OLD, 3, 1)]

    async def test_zeros_are_like_nothing(self, redis: Redis, vectors: Vectors) -> None:
        """A vector without a direction is left out, also where there was one before."""
        await vectors.replace(outcome("a", {OLD: UP}))
        await vectors.replace(outcome("a", {OLD: (0.0, 0.0, 0.0)}))
        assert await read_spaces(redis, KEYS) == []

    async def test_other_dimensions_are_refused(self, redis: Redis, vectors: Vectors) -> None:
        """Two lengths of vectors never mix in a space."""
        await vectors.replace(outcome("a", {OLD: UP}))
        with pytest.raises(ResponseError, match="dimension"):
            await vectors.replace(outcome("b", {OLD: (1.0, 0.0)}))
        assert await read_spaces(redis, KEYS) == [Space(OLD, 3, 1)]


class TestSimilar:
    async def test_nearest_first_without_itself(self, redis: Redis) -> None:
        """Order is that of cosines; the one asked about is left out."""
        for name, numbers in {"a": UP, "far": ASIDE, "near": NEARLY_UP}.items():
            await store(redis, outcome(name, {OLD: numbers}))
        assert await ids(redis, "a") == ["near", "far"]
        found = await similar(redis, KEYS, "a", space=OLD, count=1)
        assert [(each.video_id, round(each.cosine, 2)) for each in found] == [("near", 1.0)]

    async def test_filters(self, redis: Redis) -> None:
        """All of them must hold; a pending verdict is no permission, whatever its action."""
        said: dict[str, dict[str, Any]] = {
            "a": {}, "french": {"market": "FR"}, "blocked": {"action": "block"}, "pending": {"status": "pending"},
            "nowhere": {"market": None}, "fine": {},
        }  # fmt: skip
        for name, fields in said.items():
            await store(redis, outcome(name, {OLD: UP}, **fields))
        assert set(await ids(redis, "a")) == set(said) - {"a"}
        assert set(await ids(redis, "a", market="DE")) == {"blocked", "pending", "fine"}
        assert set(await ids(redis, "a", is_allowed_only=True)) == {"french", "nowhere", "fine"}
        assert await ids(redis, "a", market="DE", is_allowed_only=True) == ["fine"]

    async def test_spaces_never_mix(self, redis: Redis) -> None:
        """Two videos with equal numbers in different spaces know nothing of each other."""
        await store(redis, outcome("a", {OLD: UP}))
        await store(redis, outcome("b", {NEW: UP}))
        assert await ids(redis, "a", OLD) == await ids(redis, "b", NEW) == []

    async def test_prefixes_never_mix(self, redis: Redis) -> None:
        """Two stacks on one Redis see their own videos."""
        await Vectors(redis, Keys("other-")).replace(outcome("b", {OLD: UP}))
        await store(redis, outcome("a", {OLD: UP}))
        assert await ids(redis, "a") == []

    async def test_refusals_say_what_there_is(self, redis: Redis) -> None:
        """Unknown space, unknown video, no vector there, none at all: each with words of its own."""
        await store(redis, outcome("a", {OLD: UP}))
        await store(redis, outcome("heard", {SOUNDS: (1.0, 0.0)}))
        await store(redis, outcome("silent", {}))
        with pytest.raises(UnknownSpace, match=r"'sunsets'; there are: looks/3, sounds/2"):
            await ids(redis, "a", "sunsets")
        with pytest.raises(UnknownVideo, match="'nobody'"):
            await ids(redis, "nobody")
        with pytest.raises(NotInSpace, match=r"'heard' has no vector in space 'looks/3'; it has one in: sounds/2"):
            await ids(redis, "heard")
        with pytest.raises(NotInSpace, match="in any space"):
            await ids(redis, "silent")

    @pytest.mark.parametrize("market", ["de", "DEU", "", 'DE" or "a" == "a', "DE\n"])
    async def test_a_market_is_two_letters(self, redis: Redis, market: str) -> None:
        """No other text becomes part of a filter."""
        await store(redis, outcome("a", {OLD: UP}))
        with pytest.raises(InvalidQuery, match="two capital letters"):
            await ids(redis, "a", market=market)

    @pytest.mark.parametrize("count", [0, 1001])
    async def test_a_count_has_limits(self, redis: Redis, count: int) -> None:
        """Nobody asks for nothing, nor for everything."""
        with pytest.raises(InvalidQuery, match="1 to 1000"):
            await similar(redis, KEYS, "a", space=OLD, count=count)


class TestMigration:
    async def test_says_how_far_it_is(self, redis: Redis) -> None:
        """A video analysed again leaves the old space; who is in the old one alone is missing."""
        for name in ("a", "b", "c"):
            await store(redis, outcome(name, {OLD: UP}))
        await store(redis, outcome("a", {NEW: UP}))
        await store(redis, outcome("b", {OLD: UP, NEW: UP}))
        await store(redis, outcome("fresh", {NEW: UP}))
        found = await read_migration(redis, KEYS, OLD, NEW)
        assert (found.num_new, found.num_both, found.num_missing, found.examples) == (3, 1, 1, ("c",))
        assert (found.is_complete, found.done_ratio, found.num_strays) == (False, 0.75, 0)

    async def test_complete_when_nobody_is_left_behind(self, redis: Redis) -> None:
        """Then the old space can go, and the new one stays."""
        await store(redis, outcome("a", {OLD: UP, NEW: UP}))
        await Vectors(redis, KEYS).replace(outcome("lost", {OLD: UP}))
        found = await read_migration(redis, KEYS, OLD, NEW)
        assert (found.is_complete, found.num_strays) == (True, 1)
        await drop_space(redis, KEYS, OLD)
        assert await read_spaces(redis, KEYS) == [Space(NEW, 3, 1)]

    async def test_unknown_spaces_are_refused(self, redis: Redis) -> None:
        """A misspelt name must not look like a finished migration; nor the same name twice."""
        await store(redis, outcome("a", {OLD: UP}))
        with pytest.raises(UnknownSpace, match=r"'lokos/3'; there are: looks/3"):
            await read_migration(redis, KEYS, "lokos/3", OLD)
        with pytest.raises(UnknownSpace, match="must differ"):
            await read_migration(redis, KEYS, OLD, OLD)


class TestNearDuplicates:
    async def test_copies_and_no_others(self, redis: Redis) -> None:
        """A mirrored copy is found by its frames, one of the same look by its embedding; a stranger is not."""
        vector, other = (1.0, 1.0, 0.0), (1.0, 0.0, 0.2)
        said = {
            "a": (vector, HASH), "mirrored": (other, mirrored(HASH)), "twin": (vector, HASH ^ (2**128 - 1)),
            "stranger": (other, HASH ^ (2**90 - 1)),
        }  # fmt: skip
        for name, (numbers, number) in said.items():
            entry = {"pts_seconds": 0.0, "hash": f"{number:064x}", "quality": 100}
            features = {"visual.perceptual_hashes": feature([entry])}
            await store(redis, outcome(name, {PICTURE_SPACE: numbers}, features))
        found = await near_duplicates(redis, KEYS, "a")
        assert [each.neighbour.video_id for each in found] == ["mirrored", "twin"]
        assert [each.frame_similarity.is_mirrored for each in found] == [True, False]

    async def test_a_clip_inside_a_longer_video(self, redis: Redis) -> None:
        """Is found by its pictures, with the times in both, however many videos look more alike; filters hold."""
        await store(redis, outcome("clip", {PICTURE_SPACE: UP}, seen(*VALUES[:4])))
        for number in range(NUM_CANDIDATES + 10):
            await store(redis, outcome(f"alike-{number}", {PICTURE_SPACE: (0.8, 0.0, 1.0)}))
        await store(redis, outcome("longer", {PICTURE_SPACE: ASIDE}, seen(*VALUES[4:], *VALUES[:4])))
        (found,) = await near_duplicates(redis, KEYS, "clip")
        assert (found.neighbour.video_id, found.found_by) == ("longer", "hash")
        assert found.neighbour.attributes["market"] == "DE"
        assert found.times is not None
        assert (found.times.first_start_seconds, found.times.second_start_seconds) == (0.0, 4.0)
        assert await near_duplicates(redis, KEYS, "clip", filters=Filters(market="FR")) == []

    async def test_candidates_come_last(self, redis: Redis) -> None:
        """What looks alike is no copy, and is said to be a candidate."""
        await store(redis, outcome("a", {PICTURE_SPACE: UP}, seen(VALUES[0])))
        await store(redis, outcome("alike", {PICTURE_SPACE: (0.0, 0.5, 1.0)}, seen(VALUES[1])))
        await store(redis, outcome("copy", {PICTURE_SPACE: ASIDE}, seen(VALUES[0])))
        found = await near_duplicates(redis, KEYS, "a")
        assert [(each.neighbour.video_id, each.found_by) for each in found] == [
            ("copy", "hash"),
            ("alike", "candidate"),
        ]

    async def test_command(self, redis: Redis, redis_url: str) -> None:
        """Says why, and where the same is in both videos."""
        await store(redis, outcome("a", {PICTURE_SPACE: UP}, seen(*VALUES[:3])))
        await store(redis, outcome("copy", {PICTURE_SPACE: ASIDE}, seen(VALUES[7], *VALUES[:3])))
        await store(redis, outcome("alike", {PICTURE_SPACE: (0.0, 0.5, 1.0)}, seen(VALUES[6])))
        environment = {"VIDSIGNAL_REDIS_URL": redis_url, "VIDSIGNAL_TOPIC_PREFIX": KEYS.prefix}
        words = ("similar", "a", "--near-duplicates")
        said = await asyncio.to_thread(lambda: CliRunner().invoke(app, words, env=environment))
        assert said.stdout.splitlines() == [
            "copy  by hash  frames 100%  cosine 0.000  0.0-2.0 s is 1.0-3.0 s there",
            "alike  candidate  frames 0%  cosine 0.894",
        ]

    async def test_a_deleted_video_is_no_match(self, redis: Redis) -> None:
        """Not even while its vectors and hashes are still there: its record is gone first."""
        for name in ("a", "deleted"):
            await store(redis, outcome(name, {PICTURE_SPACE: UP}, seen(VALUES[0])))
        await redis.delete(KEYS.features("deleted"), KEYS.embeddings("deleted"))
        assert await near_duplicates(redis, KEYS, "a") == []


class TestPictureIndex:
    async def test_follows_outcomes(self, redis: Redis) -> None:
        """New pictures replace old ones, also fewer; nothing is left after a removal, which may be repeated."""
        index = PictureIndex(redis, KEYS)
        for values in (VALUES, VALUES[2:4], []):
            said = outcome("a", {}, seen(*values))
            await index.replace(said)
            assert await index.differences("a", said) == []
            assert await redis.vset().vcard(KEYS.picture_hashes()) == len(values)
        await index.replace(outcome("b", {}, seen(*VALUES)))
        assert len(await index.differences("b", None)) == 1
        for _ in range(2):
            await index.remove("b")
        assert not await redis.exists(KEYS.picture_hashes())

    async def test_writes_what_differs(self, redis: Redis) -> None:
        """An outcome whose pictures are stored, such as after each engagement summary, writes nothing."""
        index = PictureIndex(redis, KEYS)
        await index.replace(outcome("a", {}, seen(*VALUES)))
        before = await redis.info("persistence")
        await index.replace(outcome("a", {}, seen(*VALUES)))
        after = await redis.info("persistence")
        assert before["rdb_changes_since_last_save"] == after["rdb_changes_since_last_save"]

    async def test_pictures_of_all_videos(self, redis: Redis) -> None:
        """A picture that many share fills its own search, and the video's other pictures find the rest."""
        index = PictureIndex(redis, KEYS)
        for number in range(3 * NUM_NEAREST):
            await index.replace(outcome(f"same-logo-{number}", {}, seen(VALUES[0])))
        said = outcome("copy", {}, seen(VALUES[0], VALUES[1], mirrored(VALUES[2])))
        await index.replace(said)
        found = await index.sharing(video_hashes(seen(*VALUES[:3])), 100)
        assert "copy" in found
        assert len(found) <= NUM_NEAREST + 1


class TestCommands:
    async def test_exit_codes(self, redis: Redis, redis_url: str) -> None:
        """Found 0, refused 1, misspelt 2; a migration with someone left behind 1, complete 0."""
        await store(redis, outcome("a", {OLD: UP}))
        await store(redis, outcome("b", {OLD: UP, NEW: UP}))
        environment = {"VIDSIGNAL_REDIS_URL": redis_url, "VIDSIGNAL_TOPIC_PREFIX": KEYS.prefix}

        def run(*words: str) -> int:
            return CliRunner().invoke(app, words, env=environment).exit_code

        def codes() -> list[int]:
            asked = (
                ("similar", "a", "--space", OLD), ("similar", "a", "--space", NEW), ("similar", "a", "--space", "x"),
                ("similar", "a", "--space", OLD, "--market", "de"), ("spaces", "list"),
                ("spaces", "migrate", OLD, NEW, "--drop-old"), ("spaces", "migrate", NEW, OLD, "--drop-old"),
                ("spaces", "migrate", NEW, OLD),
            )  # fmt: skip
            return [run(*words) for words in asked]

        assert await asyncio.to_thread(codes) == [0, 1, 2, 2, 0, 1, 0, 2]
        assert await read_spaces(redis, KEYS) == [Space(OLD, 3, 2)]
