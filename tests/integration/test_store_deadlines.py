"""Deadlines on a real Redis: who is decided needs none, who is not gets one fact, whatever workers poll or die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from schemas.codec import decode_fact
from schemas.facts import Accepted, DeadlinePassed, Deleted, Fact
from schemas.topics import SIGNALS, Topic
from streams.observability import metrics
from streams.store.client import open_store
from streams.store.deadlines import Deadline, Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.verdict.due_claim import CLAIM_SECONDS
from streams.verdict.due_poller import DuePoller, deadline_poller
from streams.verdict.role import VerdictRole
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET, forgetting_of
from tests.sample_facts import BUDGET_SECONDS, VIDEO_ID, accepted, log_record, signal

KEYS = Keys("test.")
EXPECTED = ("frames", "audio")


class World:
    """One partition of the log, a verdict role and as many sweeping workers as a test wants."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.clock = ManualClock()
        self.broker = MemoryPublisher()
        self.deadlines = Deadlines(redis, KEYS)
        self.outcomes = Outcomes(redis, KEYS)
        self.num_folded = 0
        forgetting = forgetting_of(redis, KEYS, self.broker)
        self.role = VerdictRole(self.outcomes, self.deadlines, self.broker, RULESET, self.clock, forgetting)

    async def register(self, fact: Accepted) -> None:
        """As intake does, before it says `accepted`."""
        await self.deadlines.register(Deadline(fact.video_id, fact.revision, fact.deadline_unix_seconds))

    async def fold(self, *facts: Fact) -> None:
        for fact in facts:
            await self.role.run(log_record(fact, self.num_folded))
            self.num_folded += 1

    def poll(self, publisher: Any = None) -> DuePoller:
        return deadline_poller(self.outcomes, self.deadlines, publisher or self.broker, self.clock)

    def fired(self) -> list[DeadlinePassed]:
        facts = [decode_fact(record.value) for record in self.broker.of(SIGNALS)]
        return [fact for fact in facts if isinstance(fact, DeadlinePassed)]

    async def registered(self) -> list[bytes]:
        found: list[bytes] = await self.redis.zrange(KEYS.deadlines(), 0, -1)
        return found

    def late(self) -> None:
        """Let the budget run out."""
        self.clock.advance(BUDGET_SECONDS + 1.0)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = open_store(redis_url)
    yield World(client)
    await client.aclose()


class Silence(MemoryPublisher):
    """A broker that is unavailable until the test brings it back."""

    def __init__(self, broker: MemoryPublisher) -> None:
        super().__init__()
        self.broker = broker
        self.is_back = asyncio.Event()

    async def publish(self, topic: Topic, key: str, event: Any, *, headers: Sequence[Any] = (), **named: Any) -> None:
        await self.is_back.wait()
        await self.broker.publish(topic, key, event, headers=headers)


class TestDecided:
    """A final verdict takes its deadline off."""

    async def test_who_is_final_before_the_deadline_has_none(self, world: World) -> None:
        """No registration is left behind, and no fact is written."""
        for number in range(20):
            fact = accepted(video_id=f"v{number}", expected=EXPECTED)
            answers = [signal(modality, video_id=fact.video_id) for modality in EXPECTED]
            await world.register(fact)
            await world.fold(*([*answers, fact] if number % 2 else [fact, *answers]))
        assert await world.registered() == []
        world.late()
        assert (await world.poll().poll(), world.fired()) == (0, [])

    async def test_a_crash_between_the_verdict_and_its_deadline_writes_no_fact(self, world: World) -> None:
        """The state says final, the registration is still there: the poll takes it off without a word."""

        class Dying(Deadlines):
            async def drop(self, video_id: str, revision: int) -> None:
                raise RuntimeError("killed")

        dying = World(world.redis)
        forgetting = forgetting_of(world.redis, KEYS, dying.broker)
        outcomes, clock = dying.outcomes, dying.clock
        dying.role = VerdictRole(outcomes, Dying(world.redis, KEYS), dying.broker, RULESET, clock, forgetting)
        await dying.fold(accepted(expected=("frames",)))
        with pytest.raises(RuntimeError, match="killed"):
            await dying.fold(signal("frames"))
        assert len(await world.registered()) == 1
        world.late()
        assert (await world.poll().poll(), world.fired()) == (1, [])
        assert await world.registered() == []

    async def test_a_crash_is_healed_by_the_redelivery_before_that(self, world: World) -> None:
        """The record that made it final returns, and takes the deadline off."""
        await world.fold(accepted(expected=("frames",)))
        state = (await world.outcomes.read(VIDEO_ID)).state
        assert state is not None
        await world.fold(signal("frames"))
        await world.register(accepted())
        await world.redis.hdel(KEYS.state(VIDEO_ID), "published_version")
        world.num_folded -= 1
        await world.fold(signal("frames"))
        assert await world.registered() == []

    async def test_an_upload_that_intake_takes_again_is_decided_all_the_same(self, world: World) -> None:
        """Intake registers redelivered uploads again; the poll finds them decided."""
        await world.fold(accepted(expected=("frames",)), signal("frames"))
        await world.register(accepted())
        world.late()
        await world.poll().poll()
        assert (world.fired(), await world.registered()) == ([], [])

    async def test_who_is_superseded_or_deleted_has_none(self, world: World) -> None:
        """Only the revision that is still open keeps its deadline."""
        await world.fold(accepted(), accepted(2))
        assert await world.registered() == [b"2|" + VIDEO_ID.encode()]
        await world.fold(Deleted(video_id=VIDEO_ID, revision=2, reason="", event_unix_seconds=0.0))
        assert await world.registered() == []
        await world.register(accepted(2))
        world.late()
        await world.poll().poll()
        assert (world.fired(), await world.registered()) == ([], [])


class TestClaims:
    """Several workers poll at once."""

    async def test_workers_that_poll_at_once_publish_it_once(self, world: World) -> None:
        """Each deadline is one fact, though every worker finds all of them due."""
        for number in range(300):
            await world.fold(accepted(video_id=f"v{number}"))
        world.late()
        numbers = await asyncio.gather(*(world.poll().poll() for _ in range(4)))
        assert sum(numbers) == len(world.fired()) == 300
        assert len({fact.video_id for fact in world.fired()}) == 300

    async def test_a_claim_ends_with_its_claimer(self, world: World) -> None:
        """A worker claims and dies before it says anything: others say it, once the claim has ended."""
        await world.fold(accepted())
        world.late()
        await world.deadlines.claim(world.clock.now_unix_seconds(), seconds=CLAIM_SECONDS, limit=9)
        assert await world.poll().poll() == 0
        world.clock.advance(CLAIM_SECONDS)
        assert await world.poll().poll() == 1
        assert [fact.deadline_unix_seconds for fact in world.fired()] == [accepted().deadline_unix_seconds]

    async def test_a_broker_that_is_unavailable_for_long_gets_each_fact_once(self, world: World) -> None:
        """Who waits for the broker keeps its claims, so that no other worker waits with the same facts."""
        await world.fold(accepted())
        unavailable = Silence(world.broker)
        world.late()
        waiting = asyncio.ensure_future(world.poll(unavailable).poll())
        for _ in range(6):
            await world.clock.wait_for_sleepers(1)
            world.clock.advance(CLAIM_SECONDS / 2)
            await asyncio.sleep(0)
            await world.clock.wait_for_sleepers(1)
            while (await world.redis.zscore(KEYS.deadlines(), f"1|{VIDEO_ID}")) <= world.clock.now_unix_seconds():
                await asyncio.sleep(0)
            assert await world.poll().poll() == 0
        unavailable.is_back.set()
        assert await waiting == 1
        assert (len(world.fired()), await world.registered()) == (1, [])

    async def test_what_is_registered_for_an_earlier_time_is_not_renewed_away(self, world: World) -> None:
        """An entry that somebody registered again is no longer the claimer's."""
        await world.register(accepted())
        world.late()
        now = world.clock.now_unix_seconds()
        (claimed,) = await world.deadlines.claim(now, seconds=CLAIM_SECONDS, limit=9)
        await world.register(accepted())
        assert not await world.deadlines.renew(claimed, now + 2 * CLAIM_SECONDS)
        assert not await world.deadlines.remove(claimed)
        assert len(await world.registered()) == 1


class TestWithoutAcceptance:
    """A deadline passes before the verdict role knows the revision."""

    async def test_it_is_counted_kept_and_decided_with_the_acceptance(self, world: World) -> None:
        """No fact that the fold would ignore; each look is counted; `accepted` brings the verdict at once."""
        before = metrics.DEADLINES_WITHOUT_ACCEPTANCE._value.get()
        await world.register(accepted())
        world.late()
        for _ in range(3):
            assert await world.poll().poll() == 0
            world.clock.advance(CLAIM_SECONDS)
        assert metrics.DEADLINES_WITHOUT_ACCEPTANCE._value.get() - before == 3
        assert (world.fired(), len(await world.registered())) == ([], 1)
        await world.fold(accepted())
        assert await world.poll().poll() == 1
        await world.fold(*world.fired())
        outcome = (await world.outcomes.read(VIDEO_ID)).outcome
        assert outcome is not None
        assert outcome.verdict.status == "provisional"

    async def test_an_acceptance_folded_while_it_is_claimed_is_said_at_once(self, world: World) -> None:
        """Folding registers the time at which it was due, so nobody waits for the claim to end."""
        await world.register(accepted())
        world.late()
        assert await world.poll().poll() == 0
        await world.fold(accepted())
        assert await world.poll().poll() == 1

    async def test_a_newer_revision_that_is_not_accepted_leaves_the_older_one_alone(self, world: World) -> None:
        """The verdict of the accepted revision stands; the newer one waits for its acceptance."""
        await world.fold(accepted(expected=("frames",)), signal("frames"))
        await world.register(accepted(2))
        world.late()
        assert await world.poll().poll() == 0
        await world.fold(accepted(2))
        assert await world.poll().poll() == 1
        assert [fact.revision for fact in world.fired()] == [2]

    async def test_signals_alone_are_no_acceptance(self, world: World) -> None:
        """They wait in the state, and so does the deadline."""
        await world.fold(signal("frames"))
        await world.register(accepted())
        world.late()
        assert (await world.poll().poll(), len(await world.registered())) == (0, 1)

    async def test_many_of_them_hold_up_nobody(self, world: World) -> None:
        """The oldest entries are never accepted; younger ones are said all the same."""
        for number in range(600):
            await world.register(accepted(video_id=f"lost-{number}"))
        await world.fold(accepted(deadline_unix_seconds=accepted().deadline_unix_seconds + 0.5))
        world.late()
        assert await world.poll().poll() == 1

    async def test_a_deletion_ends_the_waiting(self, world: World) -> None:
        """A revision that was lost before its acceptance is given up with its video."""
        await world.register(accepted())
        await world.fold(Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0))
        world.late()
        await world.poll().poll()
        assert (world.fired(), await world.registered()) == ([], [])
