"""The judge is not blind: in a small world where all is well it finds nothing, and each planted fault it finds."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.chaos.judge.evidence import (
    BACKFILL,
    DEAD_LETTER,
    ENGAGEMENT,
    MODERATION,
    RECOMMENDATION,
    SIGNALS,
    UPLOADED,
    Group,
)
from tests.chaos.judge.judge import judge
from tests.chaos.judge.violations import KINDS
from tests.chaos.small_world import (
    DEAD_LETTER_KEY,
    DELETED,
    LIVE,
    POISON,
    SPACE,
    SmallWorld,
    dead_letter_of,
    signal_of,
)

Plant = Callable[[SmallWorld], object]


def amended(world: SmallWorld, topic: str, **changes: object) -> bytes:
    """The last outcome of the live video, but for some fields."""
    last = [record for record in world.records[topic] if record.key == LIVE.encode()][-1]
    return json.dumps({**json.loads(last.value or b""), **changes}).encode()


def version(offset: int, revision: int = 2) -> dict[str, int]:
    return {"revision": revision, "generation": 0, "offset": offset}


def forget_outcome(world: SmallWorld) -> None:
    for topic in (MODERATION, RECOMMENDATION):
        world.drop(topic, LIVE)


def publish_lower_revision(world: SmallWorld) -> None:
    forget_outcome(world)
    for topic in (MODERATION, RECOMMENDATION):
        world.append(topic, LIVE, json.dumps({"video_id": LIVE, "version": version(3, revision=1)}).encode())


def count_once_more(world: SmallWorld) -> None:
    world.store.set(f"vs:{{{LIVE}}}:engagement", json.dumps({"counts": {"like": 2, "view": 1}}), keepttl=True)


def count_less(world: SmallWorld) -> None:
    world.store.set(f"vs:{{{LIVE}}}:engagement", json.dumps({"counts": {"like": 1}}), keepttl=True)


def let_a_healthy_modality_fail(world: SmallWorld) -> None:
    world.drop_facts(lambda fact: fact.get("modality") == "motion")
    failed = {**signal_of(2, "motion"), "status": "failed", "failure": {"cause": "c", "message": "m"}}
    world.append(SIGNALS, LIVE, json.dumps(failed).encode())


def write_other_signal(world: SmallWorld) -> None:
    world.append(SIGNALS, LIVE, json.dumps({**signal_of(2, "motion"), "produced_unix_seconds": 7.0}).encode())


def point_vector_elsewhere(world: SmallWorld) -> None:
    attributes = world.store.execute_command("VGETATTR", f"vs:space:{SPACE}", LIVE)
    world.store.execute_command("VREM", f"vs:space:{SPACE}", LIVE)
    world.add_vector(LIVE, (-1.0, -2.0, -3.0, -4.0), attributes)


def keep_old_action_in_vector(world: SmallWorld) -> None:
    attributes = json.loads(world.store.execute_command("VGETATTR", f"vs:space:{SPACE}", LIVE))
    world.store.execute_command("VSETATTR", f"vs:space:{SPACE}", LIVE, json.dumps({**attributes, "action": "allow"}))


def raise_the_dead(world: SmallWorld) -> None:
    world.append(MODERATION, DELETED, json.dumps({"video_id": DELETED, "version": version(1, revision=1)}).encode())


NEWER = version(11)
"""Above that of the live video's outcome."""

PLANTS: dict[str, tuple[Plant, ...]] = {
    "no-outcome": (forget_outcome,),
    "not-final": (
        lambda world: world.append(MODERATION, LIVE, amended(world, MODERATION, version=NEWER, status="pending")),
    ),
    "no-signal": (lambda world: world.drop_facts(lambda fact: fact.get("modality") == "audio"),),
    "tombstone-on-live": (lambda world: world.append(MODERATION, LIVE, None),),
    "no-verdict-in-store": (lambda world: world.store.delete(f"vs:{{{LIVE}}}:verdict"),),
    "no-vector": (lambda world: world.store.execute_command("VREM", f"vs:space:{SPACE}", LIVE),),
    "review-lost": (lambda world: world.review(LIVE, 2, "limit", 99.0),),
    "engagement-lost": (count_less,),
    "poison-without-dead-letter": (lambda world: world.drop(DEAD_LETTER, POISON),),
    "engagement-expires-soon": (lambda world: world.store.expire(f"vs:{{{LIVE}}}:engagement", 3600),),
    "state-expires": (lambda world: world.store.expire(f"vs:{{{LIVE}}}:state", 3600),),
    "engagement-counted-twice": (count_once_more,),
    "poison-with-two-dead-letters": (
        lambda world: world.append(DEAD_LETTER, f"{POISON}#other", dead_letter_of(UPLOADED, 0, "other")),
    ),
    "version-with-two-contents": (
        lambda world: world.append(MODERATION, LIVE, amended(world, MODERATION, action="allow")),
    ),
    "signal-with-two-contents": (write_other_signal,),
    "topics-differ": (
        lambda world: world.append(RECOMMENDATION, LIVE, amended(world, RECOMMENDATION, version=NEWER)),
    ),
    "key-of-deleted": tuple(
        lambda world, what=what: world.store.set(f"vs:{{{DELETED}}}:{what}", "x")  # type: ignore[misc]
        for what in ("status", "verdict", "features", "embeddings", "engagement", "claims", "letters", "guard")
    ),
    "outcome-of-deleted": (raise_the_dead,),
    "vector-of-deleted": (lambda world: world.add_vector(DELETED, (1.0, 2.0, 3.0, 4.0), b"{}"),),
    "dead-letter-of-deleted": (
        lambda world: world.append(DEAD_LETTER, f"{DELETED}#{DEAD_LETTER_KEY}", dead_letter_of(ENGAGEMENT, 4, "late")),
    ),
    "last-record-is-older": (
        lambda world: world.append(MODERATION, LIVE, amended(world, MODERATION, version=version(3))),
    ),
    "store-differs": (
        lambda world: world.store.hdel(f"vs:{{{LIVE}}}:features", "motion.stand-in"),
        lambda world: world.store.delete(f"vs:{{{LIVE}}}:embeddings"),
        lambda world: world.store.set(f"vs:{{{LIVE}}}:verdict", amended(world, MODERATION, action="allow")),
    ),
    "status-differs": (
        lambda world: world.store.hset(f"vs:{{{LIVE}}}:status", "status", "pending"),
        lambda world: world.store.hset(f"vs:{{{LIVE}}}:status", "revision", "1"),
        lambda world: world.store.delete(f"vs:{{{LIVE}}}:status"),
    ),
    "vector-differs": (point_vector_elsewhere, keep_old_action_in_vector),
    "engagement-in-record-differs": (
        lambda world: world.append(ENGAGEMENT, LIVE, world.engagement_event(LIVE, "late", "share")),
    ),
    "wrong-revision": (publish_lower_revision,),
    "version-of-no-fact": (
        lambda world: world.append(MODERATION, LIVE, amended(world, MODERATION, version=version(777))),
        lambda world: world.drop_facts(lambda fact: fact["kind"] == "review"),
    ),
    "modality-differs": (let_a_healthy_modality_fail,),
    "feature-differs": (
        lambda world: world.append(RECOMMENDATION, LIVE, amended(world, RECOMMENDATION, version=NEWER, features={})),
    ),
    "healthy-media-failed": (let_a_healthy_modality_fail,),
    "dead-letter-of-healthy": (
        lambda world: world.append(DEAD_LETTER, f"{LIVE}#x", dead_letter_of(UPLOADED, 1, "x")),
    ),
    "guard-on-live": (lambda world: world.store.set(f"vs:{{{LIVE}}}:guard", "1"),),
    "no-guard": (lambda world: world.store.delete(f"vs:{{{DELETED}}}:guard"),),
    "no-tombstone": (lambda world: world.drop(RECOMMENDATION, DELETED),),
    "stranger-in-store": (lambda world: world.store.hset("vs:{nobody}:status", "status", "final"),),
    "behind": (
        lambda world: world.groups.append(Group("vidsignal-intake", 0, 1, 2)),
        lambda world: world.groups.append(Group("vidsignal-intake", 0, None, 2)),
        lambda world: world.groups.append(Group("vidsignal-intake", 0, 3, 2)),
    ),
    "attempts-left": (lambda world: world.store.hset("vs:attempts:video.uploaded:0:1", "started", 1),),
    "overdue": (
        lambda world: world.store.zadd("vs:deadlines", {f"2|{LIVE}x": time.time() - 100}),
        lambda world: world.store.zadd("vs:tombstones", {f"1|{DELETED}": time.time() - 100}),
    ),
}  # fmt: skip


@pytest.fixture
def world(redis_url: str) -> Iterator[SmallWorld]:
    with redis.Redis.from_url(redis_url) as store:
        yield SmallWorld.where_all_is_well(store)


class TestJudge:
    def test_takes_a_dead_letter_of_the_backfill_topic_for_its_upload(self, world: SmallWorld) -> None:
        """Poison that was passed on is dead-lettered there, and names where it was uploaded."""
        world.drop(DEAD_LETTER, POISON)
        dead_letter = json.loads(dead_letter_of(BACKFILL, 7, DEAD_LETTER_KEY))
        place = json.dumps({"topic": UPLOADED, "partition": 0, "offset": 0}).encode()
        dead_letter["headers"] = [["vidsignal-uploaded-place", base64.b64encode(place).decode()]]
        world.append(DEAD_LETTER, f"{POISON}#{DEAD_LETTER_KEY}", json.dumps(dead_letter).encode())
        assert judge(world.evidence()).violations == ()

    def test_finds_nothing_where_all_is_well(self, world: SmallWorld) -> None:
        """A live video, reviewed and watched, a deleted one, and poison: no violation, and each was looked at."""
        found = judge(world.evidence())
        assert found.violations == ()
        looked = found.looked_at
        assert (looked["videos"], looked["live"], looked["poison"], looked["reviews"]) == (2, 1, 1, 1)
        assert looked["videos_with_engagement"] == 1

    def test_counts_deadlines_that_nobody_waits_for(self, world: SmallWorld) -> None:
        """Of a final verdict; one that is due later is no violation."""
        world.store.zadd("vs:deadlines", {f"2|{LIVE}": time.time() + 100, f"3|{LIVE}": time.time() + 100})
        found = judge(world.evidence())
        assert (found.violations, found.looked_at["deadlines_of_final"]) == ((), 1)

    @pytest.mark.parametrize(
        ("kind", "plant"), [pytest.param(kind, plant, id=kind) for kind, plants in PLANTS.items() for plant in plants]
    )
    def test_finds_what_is_planted(self, world: SmallWorld, kind: str, plant: Plant) -> None:
        """Each kind of violation, planted alone, is among those that are found."""
        plant(world)
        assert kind in judge(world.evidence()).by_kind()

    def test_every_kind_is_planted(self) -> None:
        """No kind is in the table that the judge was never seen to find."""
        assert PLANTS.keys() == KINDS.keys()
