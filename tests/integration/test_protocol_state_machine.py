"""The protocol under every interleaving: real scripts, a real Redis, workers that race, die and return."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from schemas.codec import decode_fact
from schemas.facts import DeadlinePassed, Deleted, EngagementSummary, Fact, PolicyChanged, Review
from schemas.identity import Modality
from schemas.outcomes import Action, Outcome, RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.state import VideoState
from streams.recovery.result_comparison import (
    Projection,
    compare,
    join_topics,
    newest_by_key,
    read_projection_from_redis,
)
from streams.store.deadlines import Deadlines
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.readers import read_video
from streams.store.video_statuses import Registered, VideoStatuses
from streams.verdict.due_poller import deadline_poller, tombstone_poller
from streams.verdict.stored_publishing import StoredPublishing
from streams.verdict.withdrawal import Withdrawal
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import (
    RULESET,
    TOMBSTONE_REPEAT_SECONDS,
    Worker,
    committable,
    forgetting_of,
    settle,
)
from tests.sample_facts import BUDGET_SECONDS, accepted, deadline, failed_signal, signal
from tests.support.projections import project_outcome

VIDEO_IDS = ("video-a", "video-b")
EXPECTED = ("frames", "audio")
NUDITY = "sexual/explicit/nudity"
MOVES = (*["take"] * 3, *["owner"] * 6, *["zombie"] * 4, "rebalance", "rebalance", "crash")
MACHINES = itertools.count()

video_ids = st.sampled_from(VIDEO_IDS)
revisions = st.integers(1, 3)
modalities = st.sampled_from(EXPECTED)
generations = st.integers(1, 2)
scores = st.sampled_from((0.1, 0.7, 0.99))


def facts_of(video_id: str) -> st.SearchStrategy[Fact]:
    return st.one_of(
        st.builds(accepted, revisions, video_id=st.just(video_id), expected=st.just(EXPECTED)),
        st.builds(
            lambda modality, revision, generation, score: signal(
                modality, revision, generation=generation, video_id=video_id, scores={NUDITY: score}
            ),
            modalities, revisions, generations, scores,
        ),
        st.builds(failed_signal, modalities, revisions, generation=generations, video_id=st.just(video_id)),
        st.builds(deadline, revisions, video_id=st.just(video_id)),
        st.builds(
            lambda views: EngagementSummary(video_id=video_id, counts={"view": views}, event_unix_seconds=float(views)),
            st.integers(1, 3),
        ),
        st.builds(deletion, st.just(video_id), st.integers(1, 2)),
        st.builds(reviewed, st.just(video_id), revisions, st.sampled_from(("allow", "block")), st.integers(1, 3)),
        st.builds(
            PolicyChanged, video_id=st.just(video_id), revision=revisions, policy=st.just("other"),
            event_unix_seconds=st.just(0.0),
        ),
    )  # fmt: skip


def deletion(video_id: str, revision: int) -> Deleted:
    """Intake's word on a video that is to be forgotten."""
    return Deleted(video_id=video_id, revision=revision, reason="", event_unix_seconds=0.0)


def reviewed(video_id: str, revision: int, action: Action, at: int) -> Review:
    """A person's word on a revision, which may overtake another."""
    return Review(
        video_id=video_id, revision=revision, action=action, reviewer="r", reason="", event_unix_seconds=float(at)
    )


@st.composite
def backlogs(draw: st.DrawFn) -> list[Fact]:
    """Two revisions of one video, mostly in the order in which roles write them."""
    facts: list[Fact] = []
    for revision in (1, 2):
        answers = [draw(st.sampled_from(answers_of(modality, revision))) for modality in EXPECTED]
        facts += [accepted(revision, video_id=VIDEO_IDS[0], expected=EXPECTED), *itertools.chain(*answers)]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(facts) - 1))
        facts.append(facts.pop(place))
    return facts


def answers_of(modality: Modality, revision: int) -> list[list[Fact]]:
    """What one modality may say of a revision: ok, nothing in time, failed and then ok by a redrive."""
    succeeded = signal(modality, revision, video_id=VIDEO_IDS[0], scores={NUDITY: 0.99})
    failed = failed_signal(modality, revision, video_id=VIDEO_IDS[0])
    return [[succeeded], [failed], [deadline(revision, video_id=VIDEO_IDS[0]), succeeded], [failed, succeeded]]


class ProtocolMachine(RuleBasedStateMachine):
    """One partition, one owner, any number of zombies, one Redis that may be restored from an older copy."""

    videos: ClassVar[tuple[str, ...]] = VIDEO_IDS

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = self.runner.run(self._connect(redis_url))
        self.keys = Keys(f"machine-{next(MACHINES)}.")
        self.clock = ManualClock()
        self.log: list[Fact] = []
        self.broker = MemoryPublisher()
        self.committed = 0
        self.zombies: list[Worker] = []
        self.has_lost_a_zombie = False
        self.places: dict[str, tuple[int, ...]] = {}
        self.copy: tuple[int, list[tuple[bytes, bytes]]] = (0, [])
        self.owner = self._worker(0)

    # ---- what happens to the log

    @initialize(facts=backlogs())
    def begin(self, facts: list[Fact]) -> None:
        """A backlog stands in the log, of one video, where races are."""
        self.log += facts

    @rule(facts=st.lists(video_ids.flatmap(facts_of), min_size=1, max_size=4), again=st.integers(0, 99))
    def append(self, facts: list[Fact], again: int) -> None:
        """Roles publish facts, and a producer repeats itself: the same fact under a new offset."""
        self.log += [*facts, self.log[again % len(self.log)]]

    @rule(video_id=video_ids, revision=revisions)
    def upload(self, video_id: str, revision: int) -> None:
        """Intake registers the case, then publishes."""
        fact = accepted(revision, video_id=video_id, expected=EXPECTED)
        if self.runner.run(self._register_case(fact)):
            self.log.append(fact)

    @rule(video_id=video_ids, revision=st.integers(1, 2))
    def forget(self, video_id: str, revision: int) -> None:
        """Somebody asks for a deletion; signals of the video may be in flight."""
        self.log.append(deletion(video_id, revision))

    # ---- what workers do

    @rule(moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), min_size=20, max_size=60))
    def work(self, moves: list[tuple[str, int]]) -> None:
        """Records are taken, calls go through in any order, partitions move, workers die."""
        self.runner.run(self._work(moves))

    @precondition(lambda self: any(zombie.is_busy for zombie in self.zombies))
    @rule()
    def lose_a_zombie(self) -> None:
        """A worker dies that owns nothing any more; it may leave an older record last in a topic."""
        self.has_lost_a_zombie = True
        self.runner.run(self.zombies.pop().die())

    # ---- what happens to the store

    @rule()
    def copy_store(self) -> None:
        """Redis writes a snapshot, with the progress of the log in it."""
        self._commit()
        self.copy = (self.committed, self.runner.run(self._dump()))

    @precondition(lambda self: self.copy[0] > 0)
    @rule()
    def restore_store(self) -> None:
        """Redis comes back from the snapshot; the workers begin again where it stands."""
        self._restore(*self.copy)

    def _restore(self, committed: int, entries: list[tuple[bytes, bytes]]) -> None:
        self.has_lost_a_zombie = True
        for worker in (self.owner, *self.zombies):
            self.runner.run(worker.die())
        self.zombies.clear()
        self.committed = committed
        self.runner.run(self._load(entries))
        self.places.clear()
        self.owner = self._worker(self.committed)

    @invariant()
    def what_is_stored_never_falls(self) -> None:
        """Anyone who races or dies: the outcome, the applied offset and the status only ever give way to later ones."""
        self.runner.run(self._check_places())

    # ---- how it ends

    def teardown(self) -> None:
        """Everything ends well: all work is finished, deadlines pass, and then all tell the same story."""
        try:
            self.runner.run(self._finish())
            self.what_is_stored_never_falls()
            self._check_end()
        finally:
            self.runner.run(self.redis.aclose())
            self.runner.close()

    def _check_end(self) -> None:
        states, outcomes = self._fold_in_order()
        expected = {video_id: project_outcome(outcome) for video_id, outcome in outcomes.items()}
        assert compare(expected, self.runner.run(read_projection_from_redis(self.redis, self.keys))) == []
        assert compare(expected, self._topics()) == []
        self._check_status(expected)
        self._check_deletion_markers(states)
        for video_id, state in states.items():
            if state.accepted is not None:
                assert outcomes[video_id].verdict.status in ("provisional", "final")
        if not self.has_lost_a_zombie:
            self._check_last_records(outcomes)

    def _check_status(self, expected: dict[str, Projection]) -> None:
        for video_id, projection in expected.items():
            reading = self.runner.run(read_video(self.redis, self.keys, video_id))
            assert reading is not None
            found = (int(reading.status["revision"]), reading.status["status"], reading.status["action"])
            assert found == (projection.revision, projection.status, projection.action)

    def _check_deletion_markers(self, states: dict[str, VideoState]) -> None:
        """A forgotten video has a deletion marker and nothing else; one that lives has none."""
        for video_id, state in states.items():
            deletion_marker = self.runner.run(self.redis.get(self.keys.deletion_marker(video_id)))
            if state.is_forgotten:
                assert int(deletion_marker) == state.forgotten_revision
                readable = (self.keys.verdict(video_id), self.keys.features(video_id), self.keys.embeddings(video_id))
                assert self.runner.run(self.redis.exists(*readable)) == 0
            elif state.accepted is not None:
                assert deletion_marker is None

    def _check_last_records(self, outcomes: dict[str, Outcome]) -> None:
        """Compaction keeps the last record, which is the newest version, too."""
        last = {record.key: record.value for record in self.broker.of(MODERATION)}
        newest = newest_by_key(((key.encode(), value) for key, value in last.items()), Verdict)
        assert {key: verdict.version for key, verdict in newest.items()} == {
            video_id: outcome.version for video_id, outcome in outcomes.items()
        }

    def _topics(self) -> dict[str, Projection]:
        verdicts, records = (
            newest_by_key(((record.key.encode(), record.value) for record in self.broker.of(topic)), kind)
            for topic, kind in ((MODERATION, Verdict), (RECOMMENDATION, RecommendationRecord))
        )
        return join_topics(verdicts, records)

    def _fold_in_order(self) -> tuple[dict[str, VideoState], dict[str, Outcome]]:
        context = FoldContext(RULESET.policy, RULESET.prices, 0, self.clock.now_unix_seconds())
        states: dict[str, VideoState] = {}
        outcomes: dict[str, Outcome] = {}
        for offset, fact in enumerate(self.log):
            folded = fold(states.get(fact.video_id), fact, offset, context)
            if folded.state:
                states[fact.video_id] = folded.state
            if folded.state and folded.state.is_forgotten:
                outcomes.pop(fact.video_id, None)
            if folded.outcome:
                outcomes[fact.video_id] = folded.outcome
        return states, outcomes

    async def _finish(self) -> None:
        for zombie in self.zombies:
            await zombie.end_work()
        await self._drain_owner()
        self.clock.advance(2 * BUDGET_SECONDS)
        log = MemoryPublisher()
        outcomes = Outcomes(self.redis, self.keys)
        await deadline_poller(outcomes, Deadlines(self.redis, self.keys), log, self.clock).poll()
        for record in log.of(SIGNALS):
            fact = decode_fact(record.value)
            assert isinstance(fact, DeadlinePassed)
            self.log.append(fact)
        await self._drain_owner()
        self.clock.advance(2 * TOMBSTONE_REPEAT_SECONDS)
        forgetting = forgetting_of(self.redis, self.keys, self.broker)
        publishing = StoredPublishing(outcomes, self.broker, self.clock, forgetting)
        withdrawal = Withdrawal(Gaps(self.redis, self.keys, "1"), publishing)
        await tombstone_poller(withdrawal, self.clock).poll()
        assert await Deadlines(self.redis, self.keys).due(self.clock.now_unix_seconds(), limit=1) == ()

    async def _drain_owner(self) -> None:
        await self._take(len(self.log))
        await self.owner.end_work()

    async def _work(self, moves: list[tuple[str, int]]) -> None:
        verbs = {
            "take": self._take,
            "owner": lambda number: self._let_through([self.owner], number, 1 + 4 * number),
            "zombie": lambda number: self._let_through(self.zombies, number, 1),
            "rebalance": self._rebalance,
            "crash": self._crash,
        }
        for move, number in moves:
            await verbs[move](number)
            await self._check_places()

    async def _take(self, number: int) -> None:
        """The owner takes so many records and one more, which wait in its lanes."""
        for _ in range(min(number + 1, len(self.log) - self.owner.cursor)):
            self.owner.take(self.log)
        await settle()

    async def _let_through(self, workers: list[Worker], number: int, num_calls: int) -> None:
        """Some calls of one worker go through; the owner's many at a time, so that zombies fall behind."""
        busy = [worker for worker in workers if worker.is_busy]
        for _ in range(num_calls if busy else 0):
            if busy[0].is_busy:
                await busy[0].gate.let_through(number)

    async def _rebalance(self, number: int) -> None:
        """The partition moves while the owner still works on what it has; the new one gets that work, too."""
        if len(self.zombies) < 2 and self.owner.is_busy:
            self._commit()
            self.zombies.append(self.owner)
            self.owner = self._worker(self.committed)
            await self._take(number)

    async def _crash(self, number: int) -> None:
        """The owner dies; another begins at what is committed, or before."""
        self._commit()
        await self.owner.die()
        self.owner = self._worker(max(0, self.committed - number))

    def _commit(self) -> None:
        self.committed = max(self.committed, committable(self.committed, self.owner.finished))

    def _worker(self, cursor: int) -> Worker:
        return Worker(self.redis, self.keys, self.broker, self.clock, cursor)

    async def _connect(self, redis_url: str) -> Any:
        return Redis.from_url(redis_url)

    async def _register_case(self, fact: Any) -> bool:
        """Whether intake goes on to publish it."""
        return await VideoStatuses(self.redis, self.keys).register(fact) is not Registered.FORGOTTEN

    async def _check_places(self) -> None:
        for name, place in (await self._places()).items():
            assert place >= self.places.get(name, ()), f"{name} fell"
            self.places[name] = place

    async def _places(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for video_id in self.videos:
            state = self.keys.state(video_id)
            version, applied = await self.redis.hmget(state, "outcome_version", "applied_offset")
            revision = await self.redis.hget(self.keys.status(video_id), "revision")
            places = {"outcome": version, "applied": applied, "status": revision}
            found |= {f"{name} of {video_id}": tuple(map(int, p.split(b"."))) for name, p in places.items() if p}
        return found

    async def _dump(self) -> list[tuple[bytes, bytes]]:
        names = [name async for name in self.redis.scan_iter(f"{self.keys.prefix}*")]
        return [(name, await self.redis.dump(name)) for name in names]

    async def _load(self, entries: list[tuple[bytes, bytes]]) -> None:
        async for name in self.redis.scan_iter(f"{self.keys.prefix}*"):
            await self.redis.delete(name)
        for name, content in entries:
            await self.redis.restore(name, 0, content)


def interleavings(*, max_examples: int, steps: int) -> settings:
    """The same ones in every run, however slow the machine is."""
    return settings(
        max_examples=max_examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


class TestProtocol:
    """Properties of the protocol as a whole."""

    @pytest.mark.slow
    def test_any_interleaving_ends_as_the_fold_in_order(self, redis_url: str) -> None:
        """Redelivery, duplicates, races, zombies, crashes between any two steps, late deadlines, older revisions and
        a store restored from the past end in the same projection, in the store and in the topics.
        """
        run_state_machine_as_test(
            lambda: ProtocolMachine(redis_url),
            settings=interleavings(max_examples=100, steps=8),
        )
