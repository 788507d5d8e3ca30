"""The verdict role against a real Redis: a crash between any two of its calls, and two workers that race."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from schemas.codec import decode_fact, encode
from schemas.facts import Fact
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, Topic
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.record import Place
from streams.recovery.result_comparison import compare, join_topics, newest_by_key, read_projection_from_redis
from streams.store.deadlines import Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.stored_case import StoredVideo
from streams.verdict.due_poller import deadline_poller
from streams.verdict.keyed_executor import KeyBlocked
from streams.verdict.role import VerdictRole
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET, Worker, forgetting_of, settle
from tests.sample_facts import BUDGET_SECONDS, VIDEO_ID, accepted, deadline, failed_signal, log_record, signal
from tests.support.projections import project_outcome

NUDITY = "sexual/explicit/nudity"
EXPECTED = ("frames", "audio")
LOG: tuple[Fact, ...] = (
    accepted(expected=EXPECTED),
    signal("frames", scores={NUDITY: 0.99}),
    failed_signal("audio"),
    signal("audio"),
    accepted(2, expected=EXPECTED),
    failed_signal("frames", 2),
    deadline(2),
    signal("audio", 2),
)


def newest_version(log: Sequence[Fact]) -> str:
    return encode(reference(log).verdict.version).decode()


def reference(log: Sequence[Fact]):  # type: ignore[no-untyped-def]
    context = FoldContext(RULESET.policy, RULESET.prices, 0, 0.0)
    state, outcome = None, None
    for offset, fact in enumerate(log):
        folded = fold(state, fact, offset, context)
        state, outcome = folded.state, folded.outcome or outcome
    assert outcome is not None
    return outcome


def last_version(broker: MemoryPublisher, topic: Topic) -> str:
    kind = Verdict if topic == MODERATION else RecommendationRecord
    (event,) = newest_by_key([(b"last", broker.of(topic)[-1].value)], kind).values()
    return encode(event.version).decode()


async def check_end(redis: Redis, broker: MemoryPublisher, log: Sequence[Fact]) -> None:
    """Store, topics and the last record of each topic all say what the fold in order says."""
    expected = {VIDEO_ID: project_outcome(reference(log))}
    assert compare(expected, await read_projection_from_redis(redis, Keys())) == []
    verdicts = newest_by_key(((r.key.encode(), r.value) for r in broker.of(MODERATION)), Verdict)
    records = newest_by_key(((r.key.encode(), r.value) for r in broker.of(RECOMMENDATION)), RecommendationRecord)
    assert compare(expected, join_topics(verdicts, records)) == []
    for topic in (MODERATION, RECOMMENDATION):
        assert last_version(broker, topic) == newest_version(log)


class TestCrash:
    """A worker that dies between two calls."""

    @pytest.mark.parametrize("num_facts", range(1, len(LOG) + 1))
    async def test_a_crash_after_any_call_of_any_record_is_healed_by_redelivery(
        self, redis: Redis, num_facts: int
    ) -> None:
        """The next worker begins with the record that was being worked on, and all ends as if nothing had happened."""
        log = LOG[:num_facts]
        for num_calls in range(1, 8):
            await redis.flushall()
            broker, clock = MemoryPublisher(), ManualClock()
            dying = Worker(redis, Keys(), broker, clock, 0)
            for _ in log[:-1]:
                dying.take(log)
            await dying.end_work()
            dying.take(log)
            await settle()
            for index in range(num_calls):
                if dying.is_busy:
                    await dying.gate.let_through(index)
            await dying.die()
            heir = Worker(redis, Keys(), broker, clock, num_facts - 1)
            heir.take(log)
            await heir.end_work()
            await check_end(redis, broker, log)


class TestRace:
    """Two workers on one partition: the old owner does not know yet that it is none."""

    @pytest.mark.parametrize("seed", range(60))
    async def test_any_interleaving_of_two_workers(self, redis: Redis, seed: int) -> None:
        """Both read the same records in any interleaving of calls; the newest outcome is last in both topics."""
        chance = random.Random(seed)
        broker, clock = MemoryPublisher(), ManualClock()
        old, new = (Worker(redis, Keys(), broker, clock, 0) for _ in range(2))
        for _ in range(chance.randint(1, len(LOG))):
            old.take(LOG)
        for _ in LOG:
            new.take(LOG)
        await settle()
        while old.is_busy or new.is_busy:
            worker = chance.choice([worker for worker in (old, new) if worker.is_busy])
            for _ in range(chance.choice((1, 1, 3, 9))):
                if worker.is_busy:
                    await worker.gate.let_through(chance.randint(0, 1))
        await old.end_work()
        await new.end_work()
        await check_end(redis, broker, LOG)


class TestReplay:
    """Records that return."""

    async def test_a_record_whose_outcome_is_out_publishes_nothing(self, redis: Redis) -> None:
        """Redelivery of finished work is silent."""
        broker, clock = MemoryPublisher(), ManualClock()
        for _ in range(2):
            worker = Worker(redis, Keys(), broker, clock, 0)
            worker.take(LOG)
            await worker.end_work()
        assert len(broker.of(MODERATION)) == len(broker.of(RECOMMENDATION)) == 1

    async def test_a_replay_publishes_the_stored_bytes(self, redis: Redis) -> None:
        """What a crash kept from being published is published as it was decided then, times included."""
        broker, clock = MemoryPublisher(), ManualClock()
        dying = Worker(redis, Keys(), broker, clock, 0)
        dying.take(LOG)
        await settle()
        names = [await dying.gate.let_through() for _ in range(3)]
        assert names == ["read", "replace", "register"]
        await dying.gate.let_through()
        await dying.die()
        clock.advance(10.0)
        heir = Worker(redis, Keys(), broker, clock, 0)
        heir.take(LOG)
        await heir.end_work()
        first, second = broker.of(MODERATION)
        assert first.value == second.value
        assert dict(first.headers)["ce_id"] == dict(second.headers)["ce_id"]


def role_of(outcomes: Outcomes, redis: Redis, broker: MemoryPublisher, clock: ManualClock) -> VerdictRole:
    """A verdict role that nothing holds up."""
    forgetting = forgetting_of(redis, Keys(), broker)
    return VerdictRole(outcomes, Deadlines(redis, Keys()), broker, RULESET, clock, forgetting)


class TestRecords:
    """What stands in the log next to facts."""

    @pytest.fixture
    def broker(self) -> MemoryPublisher:
        return MemoryPublisher()

    @pytest.fixture
    def role(self, redis: Redis, broker: MemoryPublisher) -> VerdictRole:
        return role_of(Outcomes(redis, Keys()), redis, broker, ManualClock())

    @pytest.mark.parametrize("key", [b"another-video", b""])
    async def test_a_fact_under_another_key_is_skipped(
        self, role: VerdictRole, redis: Redis, broker: MemoryPublisher, key: bytes
    ) -> None:
        """Its offset may be of another partition, so it must not move what is applied."""
        await role.run(log_record(LOG[0], 7, key=key))
        assert (broker.records, await redis.keys()) == ([], [])

    async def test_what_is_no_fact_is_skipped(self, role: VerdictRole, redis: Redis, broker: MemoryPublisher) -> None:
        """The log goes on."""
        record = log_record(LOG[0], 7)
        for value in (None, b"", b"{}", b'{"kind": "accepted"}', b"\xff"):
            await role.run(type(record)(record.place, record.key, value, (), 0.0, 1))
        assert (broker.records, await redis.keys()) == ([], [])

    async def test_the_trace_goes_on(self, role: VerdictRole, broker: MemoryPublisher) -> None:
        """Both events carry the trace id of the fact that caused them."""
        trace_id = b"4bf92f3577b34da6a3ce929d0e0e4736"
        record = log_record(LOG[0], 7)
        headers = (("traceparent", b"00-" + trace_id + b"-00f067aa0ba902b7-01"),)
        await role.run(type(record)(record.place, record.key, record.value, headers, 0.0, 1))
        assert [dict(published.headers)["traceparent"][3:35] for published in broker.records] == [trace_id] * 2

    async def test_a_failed_fact_holds_back_the_next_of_its_video(self, redis: Redis, broker: MemoryPublisher) -> None:
        """Or its redelivery would find a higher applied offset and change nothing."""

        class Broken(Outcomes):
            async def read(self, video_id: str, for_fact: Place | None = None) -> StoredVideo:
                raise RuntimeError("a bug")

        role = role_of(Broken(redis, Keys()), redis, broker, ManualClock())
        with pytest.raises(RuntimeError, match="a bug"):
            await role.run(log_record(LOG[0], 0))
        with pytest.raises(KeyBlocked):
            await role.run(log_record(LOG[1], 1))


class TestDuePoller:
    """From a registered deadline to a record of the log."""

    async def test_an_accepted_upload_that_nobody_answers_gets_a_provisional_verdict(self, redis: Redis) -> None:
        """Nothing before the deadline; then one record, whose folding decides."""
        broker, clock = MemoryPublisher(), ManualClock()
        role = role_of(Outcomes(redis, Keys()), redis, broker, clock)
        poll = deadline_poller(Outcomes(redis, Keys()), Deadlines(redis, Keys()), broker, clock)
        await role.run(log_record(LOG[0], 0))
        clock.advance(BUDGET_SECONDS - 1.0)
        assert await poll.poll() == 0
        clock.advance(2.0)
        assert (await poll.poll(), await poll.poll()) == (1, 0)
        fired = decode_fact(broker.records[-1].value)
        await role.run(log_record(fired, 1))
        (stored,) = (await read_projection_from_redis(redis, Keys())).values()
        assert (stored.status, stored.missing) == ("provisional", ("audio", "frames"))

    async def test_it_polls_until_it_is_cancelled(self, redis: Redis) -> None:
        """Each pause is the clock's."""
        clock = ManualClock()
        poll = deadline_poller(Outcomes(redis, Keys()), Deadlines(redis, Keys()), MemoryPublisher(), clock)
        polling = asyncio.ensure_future(poll.run())
        await clock.wait_for_sleepers(1)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
