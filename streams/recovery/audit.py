"""The audit: compares the log, the compacted topics and the store, video by video.

The reference is the refolded log; see `streams.recovery.refold`. The audit finds what the protocol permits: a worker
that died between publishing a stale outcome and repairing it, a late verdict after a tombstone, a store that lost
writes, and facts that were folded on top of such a loss. It processes one partition number after another.

**Findings were seen twice.** Changes in progress are no finding: a store must contain what is before the applied
offset, and is compared with the refold only if both are at the same log position.

**How a wrong outcome in the topics is corrected.** Readers keep the highest version, and a version is a log position.
An outcome that was published over lost facts has a later position than the correct one, so the correct one cannot be
published again as it is. The store gets the refolded state, and a `policy` fact is added to the log: the worker decides
again, from all signals, under the fact's position, which is above the wrong one. So every later refold results in the
same outcome under the same version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from schemas.codec import event_headers
from schemas.facts import PolicyChanged
from schemas.outcomes import Version
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.config.settings import Settings
from streams.decision.ruleset import Ruleset
from streams.kafka.clients import read_to_end
from streams.kafka.unreadable import UnreadableRecords, decoded_record
from streams.lifecycle.clock import Clock, SystemClock
from streams.observability import metrics
from streams.recovery.audit_problems import Problem, can_be_decided_again, worst_problem
from streams.recovery.rebuild import (
    RebuildStores,
    differences_of,
    kept_videos,
    log_ends,
    register_deadline,
    repair_video,
)
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold import Scope, rebuilt_partition
from streams.recovery.refold_report import RefoldReport
from streams.store.fold_deaths import FoldWatch
from streams.store.gaps import Gaps
from streams.store.shared_faults import count_or_raise
from streams.store.stored_case import UnreadableState, spell
from streams.verdict.publishing import EventPublisher, publish_outcome, publish_tombstones

_SOURCE: Final = "vidsignal/audit"
_AT_ONCE: Final = 16
"""Number of videos that are compared concurrently."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """The most serious difference of one video."""

    video_id: str
    problem: Problem
    words: str


@dataclass(frozen=True, slots=True)
class Audited:
    """Results of an audit."""

    videos: int
    findings: tuple[AuditFinding, ...]
    unreadable: UnreadableRecords = field(default_factory=UnreadableRecords)
    """Records of the topics that were skipped."""


class _Versioned(Struct):
    version: Version


_DECODER: Final = msgspec.json.Decoder(_Versioned)
_Last = Mapping[str, Version | None]
"""By video id, the version of the last record of a topic; None for a tombstone."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of a partition."""

    read: Mapping[str, Rebuilt]
    """All videos in it."""
    kept: Mapping[str, Rebuilt]
    """Those that have not expired."""
    report: RefoldReport
    findings: Sequence[AuditFinding]


class Audit:
    """Compares, and repairs if requested.

    Args:
        settings: address of the topics.
        ruleset: how facts are folded.
        stores: what is compared and repaired.
        publisher: publishes outcomes and tombstones again, and facts that request new decisions.
        gaps: videos that must not be folded, because that ends the process.
        watch: finds facts that end the process.
    """

    def __init__(
        self,
        settings: Settings,
        ruleset: Ruleset,
        stores: RebuildStores,
        publisher: EventPublisher,
        gaps: Gaps | None = None,
        watch: FoldWatch | None = None,
    ) -> None:
        self._watch = watch or FoldWatch()
        self._gaps = gaps
        self._settings = settings
        self._ruleset = ruleset
        self._stores = stores
        self._publisher = publisher
        self._clock: Clock = SystemClock()

    async def run(self, *, is_repairing: bool, tell: Callable[[AuditFinding], None] = lambda _: None) -> Audited:
        """Check every video.

        Args:
            is_repairing: correct the store from the log, and the topics from the store.
            tell: called with each finding.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        findings: list[AuditFinding] = []
        unreadable = UnreadableRecords()
        num_videos = 0
        for place in sorted(await asyncio.to_thread(log_ends, self._settings)):
            look = await self._look_twice(place)
            num_videos += len(look.kept)
            unreadable.add(look.report.unreadable)
            if is_repairing:
                await self._give_ends(look.read)
            for finding in look.findings:
                metrics.AUDIT_FINDINGS.labels(finding.problem).inc()
                tell(finding)
                findings.append(finding)
                if is_repairing and finding.video_id in look.kept:
                    await self._repair(finding, look.kept[finding.video_id])
        return Audited(num_videos, tuple(findings), unreadable)

    async def _look_twice(self, place: tuple[str, int]) -> _Look:
        """Compare twice: live workers publish and store meanwhile, and changes in progress are gone at the second
        reading."""
        first = await self._look(place)
        if not first.findings:
            return first
        suspected = {(finding.video_id, finding.problem) for finding in first.findings}
        second = await self._look(place, {video_id for video_id, _ in suspected})
        confirmed = [finding for finding in second.findings if (finding.video_id, finding.problem) in suspected]
        return _Look(second.read, second.kept, second.report, confirmed)

    async def _look(self, place: tuple[str, int], among: set[str] | None = None) -> _Look:
        # In this order: facts before the applied offset are in the store, and the facts of published outcomes are in
        # the log.
        applied = (await self._stores.applied.read([place])).get(place)
        suspects = await self._watch.suspects(*place)
        report, scope = RefoldReport(), Scope(None, await self._deadly(), suspects=suspects, board=self._watch.board)
        read = await asyncio.to_thread(
            rebuilt_partition, self._settings, self._ruleset, place[1], applied, scope, report
        )
        await self._watch.survived(*place, report.survived)
        topics = [await asyncio.to_thread(self._last, topic.name, place[1]) for topic in (MODERATION, RECOMMENDATION)]
        kept = kept_videos(read, self._settings.video_retention_seconds, self._clock)
        asked = [video_id for video_id in kept if among is None or video_id in among]
        findings: list[AuditFinding | None] = []
        for begin in range(0, len(asked), _AT_ONCE):
            page = asked[begin : begin + _AT_ONCE]
            last = [[topic.get(video_id) for topic in topics] for video_id in page]
            findings += await asyncio.gather(*(self._compare(*pair, kept) for pair in zip(page, last, strict=True)))
        findings += [
            AuditFinding(video_id, "not-foldable", f"{fault.cause} at offset {fault.offset}: {fault.message}")
            for video_id, fault in report.faults.items()
        ]
        return _Look(read, kept, report, [finding for finding in findings if finding is not None])

    async def _deadly(self) -> frozenset[str]:
        """Return videos whose facts end the process that folds them."""
        return frozenset() if self._gaps is None else await self._gaps.deadly_videos(of_any_release=True)

    async def _compare(
        self, video_id: str, last: Sequence[Version | None], videos: Mapping[str, Rebuilt]
    ) -> AuditFinding | None:
        try:
            problem = await self._problem(video_id, last, videos[video_id])
        except UnreadableState as error:
            return AuditFinding(video_id, "store-differs", str(error))
        except Exception as error:  # concerns one video; the others are still checked
            count_or_raise(error, "audit")
            _log.exception("video cannot be compared", video_id=video_id)
            problem = "store-differs", f"it cannot be compared: {error!r}"
        return AuditFinding(video_id, *problem) if problem else None

    async def _problem(
        self, video_id: str, last: Sequence[Version | None], video: Rebuilt
    ) -> tuple[Problem, str] | None:
        served = await self._stores.outcomes.read_served(video_id)
        problem = worst_problem(video, served, last)
        # Followers are updated before an outcome is marked as published, and drop a video whose deletion waits.
        if problem is None and served.case.is_published and not served.case.is_in_gap:
            outcome, followers = served.case.outcome, self._stores.followers
            found = [await differences_of(follower, video_id, outcome) for follower in followers]
            words = "; ".join(line for lines in found for line in lines)
            problem = ("vectors-differ", words) if words else None
        return problem

    async def _give_ends(self, videos: Mapping[str, Rebuilt]) -> None:
        """Register deadlines and expiry: the setting may be newer than the videos, or shorter than before."""
        for video in videos.values():
            await register_deadline(self._stores.deadlines, video.state)
            if video.outcome is not None:
                await self._stores.expiry.replace(video.outcome)

    def _last(self, topic: str, partition: int) -> _Last:
        """Return the version of the last record of each key. Blocks."""
        records = read_to_end(self._settings, [self._settings.topic_prefix + topic], partition=partition)
        last: dict[str, Version | None] = {}
        for record in records:
            video_id = (record.key or b"").decode("utf-8", "replace")
            found = None if record.value is None else decoded_record(_DECODER, topic, record.key, record.value, None)
            if found is None and record.value is not None:
                last.pop(video_id, None)  # the refold has skipped and named it
            else:
                last[video_id] = None if found is None else found.version
        return last

    async def _repair(self, finding: AuditFinding, video: Rebuilt) -> None:
        try:
            await self._repair_video(finding, video)
        except UnreadableState as error:
            _log.warning("video changed during its repair; the next audit repairs it", error=str(error))
        except Exception as error:
            count_or_raise(error, "audit")
            _log.exception("video not repaired; the next audit tries again", video_id=finding.video_id)

    async def _repair_video(self, finding: AuditFinding, video: Rebuilt) -> None:
        await repair_video(self._stores, finding.video_id, video)
        stored = await self._stores.outcomes.read(finding.video_id)
        if stored.is_in_gap:  # a later fact waits, perhaps a deletion: closing the gap publishes the result
            return
        if stored.forgotten_version is not None:
            await publish_tombstones(self._publisher, finding.video_id)
        elif video.is_outdone:
            if can_be_decided_again(video, stored):
                assert video.contradicted is not None
                revision, contradicted = video.state.revision, spell(video.contradicted)
                await decide_again(
                    self._publisher, self._ruleset, self._clock, finding.video_id, revision, contradicted
                )
        elif stored.outcome is not None and finding.problem not in ("served-differs", "vectors-differ"):
            await publish_outcome(self._publisher, stored.outcome, None)
            await self._stores.outcomes.mark_published(finding.video_id, stored.outcome.version)


async def decide_again(
    publisher: EventPublisher, ruleset: Ruleset, clock: Clock, video_id: str, revision: int, contradicted: str
) -> None:
    """Request an outcome above the one that contradicts the facts, by a fact in the log."""
    fact = PolicyChanged(
        video_id=video_id,
        revision=revision,
        policy=ruleset.policy.label,
        event_unix_seconds=clock.now_unix_seconds(),
    )
    event_id = f"{video_id}:{contradicted}:contradicted"
    headers = event_headers(fact, event_id=event_id, source=_SOURCE, now_unix_seconds=fact.event_unix_seconds)
    await publisher.publish(SIGNALS, video_id, fact, headers=headers)
