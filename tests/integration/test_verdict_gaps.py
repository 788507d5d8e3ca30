"""Facts that cannot be folded, on a real Redis: what becomes of their video, and that others go on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas import codec
from schemas.codec import decode_fact, encode
from schemas.errors import InvalidEvent
from schemas.facts import Deleted, Fact, Failure, Review, SourceOffset
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.decision import fact_reading
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.kafka.clients import StoredRecord
from streams.record import Record
from streams.recovery.gap_closing import RepairVideo
from streams.recovery.gap_retry import GapRetry, Meanwhile, Refolded
from streams.recovery.refold import RefoldReport, Scope, refold
from streams.recovery.result_comparison import newest_by_key
from streams.store.deadlines import Deadlines
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.readers import read_video
from streams.store.refusal_reading import Refusal
from streams.store.video_statuses import Registered, VideoStatuses
from streams.verdict import role as role_module
from streams.verdict.boundary import ATTEMPTS, FoldBoundary
from streams.verdict.role import VerdictRole
from streams.verdict.withdrawal import Withdrawal
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET, forgetting_of
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted, deadline, log_record, signal

KEYS = Keys()
OTHER = "video-2"
EXPECTED = ("frames", "audio")
NUDITY = "sexual/explicit/nudity"


@dataclass
class Letters:
    """Dead letters as they were asked for."""

    written: list[tuple[Record, Failure]] = field(default_factory=list)

    async def write(
        self, record: Record, failure: Failure, *, role: str, attempts: int = 1, revision: int | None = None
    ) -> None:
        del role, attempts, revision
        self.written.append((record, failure))


@dataclass
class World:
    """One partition of the log, one worker, its sweep over gaps; the log is what was handled."""

    redis: Redis
    release: str = "1"
    broker: MemoryPublisher = field(default_factory=MemoryPublisher)
    dead_letters: Letters = field(default_factory=Letters)
    log: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock(UPLOADED_UNIX_SECONDS)
        self.start(self.release)

    def start(self, release: str) -> None:
        """A worker of a release takes over."""
        self.gaps = Gaps(self.redis, KEYS, release)
        self.outcomes = Outcomes(self.redis, KEYS)
        deadlines = Deadlines(self.redis, KEYS)
        forgetting = forgetting_of(self.redis, KEYS, self.broker)
        withdraw = Withdrawal(self.gaps, self.broker, (), forgetting)
        boundary = FoldBoundary(self.gaps, self.dead_letters, self.clock, 0, withdraw=withdraw)
        self.role = VerdictRole(
            self.outcomes, deadlines, self.broker, RULESET, self.clock, forgetting, boundary=boundary
        )
        mended = RepairVideo(self.role, self.outcomes, self.gaps, deadlines, self.broker, RULESET, self.clock)
        self.meanwhile = Meanwhile(self.gaps, self.broker, RULESET, withdraw, self.clock, self.role.publish_again)
        self.poll = GapRetry(self.gaps, self.outcomes, self.refold, mended, self.meanwhile, self.clock)

    async def refold(self, partition: int, videos: dict[str, str]) -> Refolded:
        """Read the log as `LogRefold` does."""
        report = RefoldReport()
        stored = [stored_record(record) for record in self.log]
        published = {name: outcome for name, outcome in self.published().items() if name in videos}
        found = refold(published, stored, RULESET, self.clock, None, Scope(only=videos, said=videos), report)
        return Refolded(found, report.faults, report.seen)

    def published(self) -> dict[str, Any]:
        verdicts = newest_by_key(((r.key.encode(), r.value) for r in self.broker.of(MODERATION)), Verdict)
        records = newest_by_key(
            ((r.key.encode(), r.value) for r in self.broker.of(RECOMMENDATION)), RecommendationRecord
        )
        return {
            name: Outcome(verdict=verdicts[name], record=records[name]) for name in verdicts.keys() & records.keys()
        }

    async def handle(self, *facts: Fact | Record) -> None:
        """Let the worker handle facts in the order of the log; waits between tries are passed over."""
        for fact in facts:
            record = fact if isinstance(fact, Record) else log_record(fact, len(self.log))
            self.log.append(record)
            handling = asyncio.ensure_future(self.role.run(record))
            while not handling.done():
                await asyncio.wait([handling], timeout=0.01)
                self.clock.advance(1.0)
            handling.result()

    async def look(self) -> int:
        """One look at the gaps, and what its decisions put into the log."""
        closed = await self.poll.poll()
        for published in list(self.broker.of(SIGNALS)):
            self.broker.records.remove(published)
            await self.handle(decode_fact(published.value))
        return closed

    async def verdict(self, video_id: str = VIDEO_ID) -> Verdict:
        reading = await read_video(self.redis, KEYS, video_id)
        assert reading is not None
        assert reading.verdict is not None
        return reading.verdict

    def folded(self, video_id: str = VIDEO_ID) -> Verdict:
        """What the fold of the whole log says."""
        context = FoldContext(RULESET.policy, RULESET.prices, 0, self.clock.now_unix_seconds())
        state, outcome = None, None
        for record in self.log:
            fact = decode_fact(record.value)
            if fact.video_id == video_id:
                step = fold(state, fact, record.place.offset, context)
                state, outcome = step.state, step.outcome or outcome
        assert outcome is not None
        return outcome.verdict

    async def check_healed(self, video_id: str = VIDEO_ID) -> None:
        """No gap, and store and topics say what the fold of the log says."""
        assert await self.gaps.read(video_id) is None
        expected, found = self.folded(video_id), await self.verdict(video_id)
        assert (found.version, found.action, found.status) == (expected.version, expected.action, expected.status)
        newest = self.published()[video_id].verdict
        assert (newest.version, newest.action, newest.modalities) == (
            expected.version, expected.action, expected.modalities,
        )  # fmt: skip


def stored_record(record: Record) -> StoredRecord:
    place = record.place
    return StoredRecord(
        SIGNALS.name, place.partition, place.offset, UPLOADED_UNIX_SECONDS, record.key, record.value, record.headers
    )


def clip(video_id: str = VIDEO_ID) -> list[Fact]:
    return [accepted(video_id=video_id, expected=EXPECTED), signal("frames", video_id=video_id)]


def rest(video_id: str = VIDEO_ID) -> Fact:
    return signal("audio", video_id=video_id)


@pytest.fixture
async def world(redis: Redis) -> World:
    return World(redis)


BROKEN_STATES = {
    "another type": ("SET", b"a value of somebody else"),
    "garbage": ("HSET", b"\x00\xff garbage"),
    "a cut state": ("HSET", b"x\x9c\x01\x02"),
    "another layout": ("HSET", b'{"layout": 9}'),
}


class TestUnreadableState:
    @pytest.mark.parametrize("how", BROKEN_STATES)
    async def test_is_folded_again_from_the_log(self, world: World, redis: Redis, how: str) -> None:
        """Others go on, and the next look at gaps folds the video again: all says what the log says."""
        command, value = BROKEN_STATES[how]
        await world.handle(*clip(), *clip(OTHER))
        if command == "SET":
            await redis.set(KEYS.state(VIDEO_ID), value)
        else:
            await redis.hset(KEYS.state(VIDEO_ID), "state", value)
        await world.handle(rest(), rest(OTHER))
        gap = await world.gaps.read(VIDEO_ID)
        assert gap is not None
        assert gap.cause == "unreadable-state"
        assert (await world.verdict(OTHER)).status == "final"
        assert (await world.verdict()).status == "pending"
        assert await world.look() == 1
        await world.check_healed()
        assert world.dead_letters.written == []

    async def test_fields_that_contradict_the_state_are_no_endless_race(self, world: World, redis: Redis) -> None:
        """Compare-and-set would lose for ever where the applied offset beside the state is another."""
        await world.handle(*clip())
        await redis.hset(KEYS.state(VIDEO_ID), "applied_offset", "x")
        await world.handle(rest())
        await world.look()
        await world.check_healed()


class TestFoldFails:
    async def test_a_gap_and_one_dead_letter_and_others_go_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is pending becomes the policy's action for failed, never allow; later facts are not folded over it."""
        await world.handle(*clip(), *clip(OTHER))
        calls = break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest(), rest(OTHER))
        assert calls.count(VIDEO_ID) == ATTEMPTS
        ((record, failure),) = world.dead_letters.written
        assert (record.place.offset, failure.cause) == (4, "internal-error")
        assert await world.look() == 0
        assert (await world.verdict(OTHER)).status == "final"
        verdict = await world.verdict()
        assert verdict.action != "allow"
        assert verdict.status == "provisional"
        assert {failure.cause for failure in verdict.modalities.failed.values()} == {"internal-error"}
        await world.handle(Review(
            video_id=VIDEO_ID, revision=1, action="allow", reviewer="r", reason="", event_unix_seconds=1.0
        ))  # fmt: skip
        assert calls.count(VIDEO_ID) > ATTEMPTS
        assert (await world.verdict()).action != "allow"
        assert len(world.dead_letters.written) == 1

    async def test_heals_once_it_can_be_folded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Everything that waited is folded in its order, and readers keep that over what held meanwhile."""
        await world.handle(*clip())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        await world.look()
        monkeypatch.undo()
        await world.handle(deadline())
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        await world.check_healed()

    async def test_the_last_decision_stands(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A decided video keeps its verdict, and the status names the gap."""
        await world.handle(*clip(), rest())
        decided = await world.verdict()
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(signal("audio", generation=2))
        await world.look()
        assert await world.verdict() == decided
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert reading.status["gap"] == "internal-error"

    async def test_refolds_are_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """However long it lasts, one release reads the log a few times only, and another one tries again."""
        await world.handle(*clip())
        calls = break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        for _ in range(50):
            await world.look()
            world.clock.advance(86_400.0)
        tried = len(calls)
        await world.look()
        assert len(calls) == tried
        monkeypatch.undo()
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        await world.check_healed()

    async def test_a_deletion_that_waits_hides_the_video(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
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

    async def test_a_fault_of_the_store_ends_the_process(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A Redis that cannot save is no fault of one video: no gap, no dead letter."""

        async def refuse(*_: object, **__: object) -> int:
            raise ResponseError("MISCONF Redis is configured to save RDB snapshots")

        await world.handle(*clip())
        monkeypatch.setattr(world.outcomes, "_fold", refuse)
        with pytest.raises(ResponseError, match="MISCONF"):
            await world.handle(rest())
        assert await world.gaps.read(VIDEO_ID) is None
        assert world.dead_letters.written == []


class TestNewerFacts:
    async def test_wait_for_the_newer_release(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """An older worker marks the video and goes on; the present one then comes to the fold of the whole log."""
        await world.handle(*clip(), *clip(OTHER))
        with monkeypatch.context() as older:
            forget_kind(older, "review")
            await world.handle(Review(
                video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="", event_unix_seconds=1.0
            ), rest(), rest(OTHER))  # fmt: skip
            await world.look()
            gap = await world.gaps.read(VIDEO_ID)
            assert gap is not None
            assert (gap.cause, gap.kind) == ("newer-fact", "review")
            assert (await world.verdict(OTHER)).status == "final"
            assert (await world.verdict()).action != "allow"
            reading = await read_video(world.redis, KEYS, VIDEO_ID)
            assert reading is not None
            assert reading.status["gap"] == "newer-fact"
        num_records = len(world.log)
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).action == "block"
        assert len(world.log) == num_records

    async def test_a_newer_layout_waits_too(self, world: World) -> None:
        """An event type that is not known says so, whatever the bytes are."""
        record = log_record(rest(), 2)
        newer = Record(
            record.place, record.key, b"\x00", (("ce_type", b"video.signal.v2"),), record.timestamp_unix_seconds, 0
        )
        await world.handle(*clip(), newer)
        gap = await world.gaps.read(VIDEO_ID)
        assert gap is not None
        assert (gap.cause, gap.type) == ("newer-fact", "video.signal.v2")

    async def test_what_is_no_fact_of_ours_opens_no_gap(self, world: World) -> None:
        """Bytes that anybody wrote under the key of a video hold nothing up."""
        record = log_record(rest(), 2)
        foreign = [
            Record(record.place, record.key, value, (), record.timestamp_unix_seconds, 0)
            for value in (
                b"\xff",
                b"{}",
                b'{"kind": 7, "video_id": "video-1"}',
                b'{"kind": "new", "video_id": "other"}',
            )
        ]
        await world.handle(*clip())
        for offset, each in enumerate(foreign, 2):
            await world.role.run(moved(each, offset))
        assert await world.gaps.read(VIDEO_ID) is None


class Death(BaseException):
    """The worker ends here."""


class TestSaidInAGap:
    """What is said while facts wait never outlives the gap, wherever its worker dies and whoever closes it."""

    @pytest.mark.parametrize("dies_at", ["before publishing", "between the topics", "after publishing", "never"])
    async def test_a_death_at_any_step(self, world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
        """The next look says it whole, and what closes the gap outdoes it."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            if dies_at != "never":
                with pytest.raises(Death):
                    await dying(world, dies_at)
            world.start("1")
            world.clock.advance(400.0)
            await world.look()
            said = world.published()[VIDEO_ID].verdict
            assert (said.status, await world.verdict()) == ("provisional", said)
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).version > said.version

    @pytest.mark.parametrize("dies_at", ["before publishing", "between the topics", "after publishing"])
    async def test_a_gap_that_is_closed_after_the_death(
        self, world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str
    ) -> None:
        """Nobody says it again: another worker folds the video at once, and readers of both topics find that."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            with pytest.raises(Death):
                await dying(world, dies_at)
        world.start("1")
        world.clock.advance(400.0)
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).version.offset > 2

    async def test_a_slow_worker_says_it_after_another_closed_the_gap(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its statement lies behind the true outcome in the topics: the true one follows, under a higher version."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            publish = world.broker.publish

            async def slow(*arguments: Any, **more: Any) -> None:
                world.broker.publish = publish  # type: ignore[method-assign]
                broken.undo()
                other = world.poll
                world.clock.advance(400.0)
                world.start("1")
                assert await world.poll.poll() == 1
                world.poll = other
                await publish(*arguments, **more)

            world.broker.publish = slow  # type: ignore[method-assign]
            await world.look()
        await world.check_healed()

    async def test_a_newer_revision_is_not_overwritten(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Intake may register it between the look at the status and the statement: that is decided about then."""
        await world.handle(*clip())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        said = world.gaps.said
        cases = VideoStatuses(world.redis, KEYS)

        async def overtaken(video_id: str) -> Any:
            found = await said(video_id)
            await cases.register(accepted(revision=2, expected=EXPECTED))
            return found

        monkeypatch.setattr(world.gaps, "said", overtaken)
        await world.look()
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert reading.status["revision"] == "2"
        assert reading.verdict is not None
        assert reading.verdict.version.revision == 2
        assert reading.verdict.action != "allow"

    async def test_a_state_without_an_outcome_leaves_nothing_said(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the log has no `accepted` yet, closing the gap makes no outcome: what was said goes all the same."""
        await VideoStatuses(world.redis, KEYS).register(accepted(expected=EXPECTED))
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(signal("frames"))
            await world.look()
            assert (await world.verdict()).status == "provisional"
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert (reading.verdict, reading.status["status"]) == (None, "pending")
        await world.handle(accepted(expected=EXPECTED), rest())
        await world.check_healed()


class TestDeletionsThatWait:
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


async def dying(world: World, dies_at: str) -> None:
    """One look whose worker dies at a step of what it says."""
    publish, told = world.broker.publish, world.gaps.told
    topics: list[str] = []

    async def deadly(topic: Any, *arguments: Any, **more: Any) -> None:
        if dies_at == "before publishing" or (dies_at == "between the topics" and topics):
            raise Death
        topics.append(topic.name)
        await publish(topic, *arguments, **more)

    async def dead(*_: Any) -> bool:
        raise Death

    world.broker.publish = deadly  # type: ignore[method-assign]
    world.gaps.told = dead  # type: ignore[method-assign]
    try:
        await world.poll.poll()
    finally:
        world.broker.publish, world.gaps.told = publish, told  # type: ignore[method-assign]


def moved(record: Record, offset: int) -> Record:
    return replace(record, place=replace(record.place, offset=offset))


def break_fold(monkeypatch: pytest.MonkeyPatch, video_id: str) -> list[str]:
    """Let every fold of a video fail, in the role and in refolds; return the videos of all calls from then on."""
    calls: list[str] = []

    def failing(state: Any, fact: Fact, *rest: Any) -> Any:
        calls.append(fact.video_id)
        if fact.video_id == video_id:
            raise ZeroDivisionError("a bug of one video")
        return fold(state, fact, *rest)

    monkeypatch.setattr(role_module, "fold", failing)
    monkeypatch.setattr("streams.recovery.refold.fold_next", failing)
    return calls


def forget_kind(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Read facts as a release does that does not know a kind."""

    def older(value: bytes | None) -> Fact:
        fact = codec.decode_fact(value)
        if fact_reading.kind_of(fact) == kind:
            raise InvalidEvent("event-invalid", f"Invalid value {kind!r}")
        return fact

    monkeypatch.setattr(fact_reading, "decode_fact", older)
    monkeypatch.setattr(fact_reading, "KINDS", fact_reading.KINDS - {kind})
