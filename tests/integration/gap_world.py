"""A world for gaps: one partition of the log, one worker with its poll of gaps, a real Redis."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis

from schemas import codec
from schemas.codec import decode_fact
from schemas.errors import InvalidEvent
from schemas.facts import Fact, Failure
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.decision import fact_reading
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.kafka.clients import StoredRecord
from streams.record import Record
from streams.recovery.gap_closing import RepairVideo
from streams.recovery.gap_retry import GapRetry, Refolded
from streams.recovery.meanwhile import Meanwhile
from streams.recovery.refold import Scope, refold
from streams.recovery.refold_report import RefoldReport
from streams.recovery.result_comparison import newest_by_key
from streams.store.deadlines import Deadlines
from streams.store.fold_deaths import FactDeaths, FoldWatch
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.readers import read_video
from streams.verdict import role as role_module
from streams.verdict.boundary import FoldBoundary
from streams.verdict.followers import Follower
from streams.verdict.role import VerdictRole
from streams.verdict.stored_publishing import StoredPublishing
from streams.verdict.withdrawal import Withdrawal
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET, forgetting_of
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted, log_record, signal

KEYS = Keys()
OTHER = "video-2"
EXPECTED = ("frames", "audio")


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
    """One partition of the log, one worker, its poll of gaps; the log is what was handled."""

    redis: Redis
    release: str = "1"
    broker: MemoryPublisher = field(default_factory=MemoryPublisher)
    dead_letters: Letters = field(default_factory=Letters)
    log: list[Record] = field(default_factory=list)
    followers: tuple[Follower, ...] = ()

    def __post_init__(self) -> None:
        self.clock = ManualClock(UPLOADED_UNIX_SECONDS)
        self.start(self.release)

    def start(self, release: str) -> None:
        """A worker of a release takes over."""
        self.gaps = Gaps(self.redis, KEYS, release)
        self.deaths = FactDeaths(self.redis, KEYS)
        self.outcomes = Outcomes(self.redis, KEYS)
        deadlines = Deadlines(self.redis, KEYS)
        forgetting = forgetting_of(self.redis, KEYS, self.broker)
        publishing = StoredPublishing(self.outcomes, self.broker, self.clock, forgetting, self.followers)
        withdraw = Withdrawal(self.gaps, publishing)
        boundary = FoldBoundary(self.gaps, self.dead_letters, self.clock, 0, withdraw=withdraw)
        self.role = VerdictRole(
            self.outcomes, deadlines, self.broker, RULESET, self.clock, forgetting, self.followers, boundary,
            FoldWatch(deaths=self.deaths),
        )  # fmt: skip
        repaired = RepairVideo(publishing, self.outcomes, self.gaps, deadlines, self.broker, RULESET, self.clock)
        self.meanwhile = Meanwhile(self.gaps, self.broker, RULESET, withdraw, self.clock, publishing.publish_again)
        self.poll = GapRetry(self.gaps, self.outcomes, self.refold, repaired, self.meanwhile, self.clock)

    async def refold(self, partition: int, videos: dict[str, str]) -> Refolded:
        """Read the log as `LogRefold` does."""
        report = RefoldReport()
        stored = [stored_record(record) for record in self.log]
        published = {name: outcome for name, outcome in self.published().items() if name in videos}
        suspects = await self.deaths.suspects(SIGNALS.name, partition)
        scope = Scope(only=videos, said=videos, suspects=suspects)
        found = refold(published, stored, RULESET, self.clock, None, scope, report)
        await self.deaths.survived(SIGNALS.name, partition, report.survived)
        return Refolded(found, report.faults, report.seen, report.deletions)

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
