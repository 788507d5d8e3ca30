"""The audit: do the compacted topics and the store say the same of every video, and does the log bear both out?

What the protocol leaves open is found here: a worker that died between publishing a stale outcome and repairing it, a
late verdict behind a tombstone, a store that lost writes. One partition number is looked at after another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import structlog
from msgspec import Struct
from redis.asyncio import Redis

from schemas.outcomes import Version
from schemas.topics import MODERATION, RECOMMENDATION
from streams import metrics
from streams.clock import Clock, SystemClock
from streams.kafka_clients import BrokerAway, read_to_end
from streams.rebuild import (
    RebuildStores,
    Rebuilt,
    kept_videos,
    log_ends,
    rebuilt_partition,
    register_deadline,
    restore_video,
)
from streams.settings import Settings
from streams.store.keys import Keys
from streams.store.outcomes import StoredCase
from streams.verdict.role import EventPublisher, Ruleset, publish_outcome, publish_tombstones

Problem = Literal[
    "store-behind",  # the log knows more of the video than the store
    "topic-stale",  # the last record of a compacted topic is not what the store says
    "not-withdrawn",  # a forgotten video has a value in a compacted topic
]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one video."""

    video_id: str
    problem: Problem
    words: str


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit saw."""

    videos: int
    findings: tuple[Finding, ...]


class _Versioned(Struct):
    version: Version


_DECODER: Final = msgspec.json.Decoder(_Versioned)
_Last = Mapping[str, Version | None]
"""By video id, the version of the last record of a topic; None for a tombstone."""


class Audit:
    """Compares, and repairs where it is asked to.

    Args:
        settings: where the topics are.
        ruleset: how facts are folded.
        stores: what is compared, and repaired.
        publisher: takes outcomes and tombstones once more.
    """

    def __init__(self, settings: Settings, ruleset: Ruleset, stores: RebuildStores, publisher: EventPublisher) -> None:
        self._settings = settings
        self._ruleset = ruleset
        self._stores = stores
        self._publisher = publisher

    async def run(self, *, is_repairing: bool, tell: Callable[[Finding], None] = lambda _: None) -> Audited:
        """Look at every video once.

        Args:
            is_repairing: write to the store what it lacks, and to the topics what the store says.
            tell: called with each finding as it is found.

        Raises:
            BrokerAway: no broker answers.
        """
        findings: list[Finding] = []
        num_videos = 0
        for _, partition in sorted(await asyncio.to_thread(log_ends, self._settings)):
            found = await asyncio.to_thread(rebuilt_partition, self._settings, self._ruleset, partition)
            videos = kept_videos(found, self._settings.video_retention_seconds, SystemClock())
            num_videos += len(videos)
            if is_repairing:
                await self._give_ends(found)
            for finding in await self._partition(partition, videos):
                metrics.AUDIT_FINDINGS.labels(finding.problem).inc()
                tell(finding)
                findings.append(finding)
                if is_repairing:
                    await self._repair(finding, videos.get(finding.video_id))
        return Audited(num_videos, tuple(findings))

    async def _partition(self, partition: int, videos: Mapping[str, Rebuilt]) -> list[Finding]:
        behind = [
            Finding(video_id, "store-behind", f"the log reaches offset {video.state.applied_offset}")
            for video_id, video in videos.items()
            if await self._is_behind(video_id, video)
        ]
        suspects = await self._stale(partition, videos)
        # Live workers publish while this reads: what is only in flight is gone at a second look.
        confirmed = await self._stale(partition, {finding.video_id: videos[finding.video_id] for finding in suspects})
        return behind + [finding for finding in confirmed if finding.video_id not in {f.video_id for f in behind}]

    async def _give_ends(self, videos: Mapping[str, Rebuilt]) -> None:
        """Register deadlines, and when their time is up: that setting may be younger than the videos, or shorter."""
        for video in videos.values():
            await register_deadline(self._stores.deadlines, video.state)
            if video.outcome is not None:
                await self._stores.expiry.replace(video.outcome)

    async def _is_behind(self, video_id: str, video: Rebuilt) -> bool:
        state = (await self._stores.outcomes.read(video_id)).state
        place = (video.state.log_generation, video.state.applied_offset)
        return state is None or (state.log_generation, state.applied_offset) < place

    async def _stale(self, partition: int, videos: Iterable[str]) -> list[Finding]:
        wanted = list(videos)
        if not wanted:
            return []
        topics = [await asyncio.to_thread(self._last, topic.name, partition) for topic in (MODERATION, RECOMMENDATION)]
        found = [(video_id, await self._stores.outcomes.read(video_id)) for video_id in wanted]
        return [
            finding
            for video_id, stored in found
            if (finding := _judge(video_id, stored, [last.get(video_id) for last in topics])) is not None
        ]

    def _last(self, topic: str, partition: int) -> _Last:
        """Version of the last record of each key. Blocks."""
        records = read_to_end(self._settings, [self._settings.topic_prefix + topic], partition=partition)
        return {
            (record.key or b"").decode(): _DECODER.decode(record.value).version if record.value else None
            for record in records
        }

    async def _repair(self, finding: Finding, video: Rebuilt | None) -> None:
        if video is not None:
            await restore_video(self._stores, finding.video_id, video)
        stored = await self._stores.outcomes.read(finding.video_id)
        if stored.forgotten_version is not None:
            await publish_tombstones(self._publisher, finding.video_id)
        elif stored.outcome is not None:
            await publish_outcome(self._publisher, stored.outcome, None)
            await self._stores.outcomes.mark_published(finding.video_id, stored.outcome.version)


def _judge(video_id: str, stored: StoredCase, last: list[Version | None]) -> Finding | None:
    if stored.forgotten_version is not None:
        alive = [version for version in last if version is not None]
        return Finding(video_id, "not-withdrawn", f"the last record is {alive[0]}") if alive else None
    if stored.outcome is None:
        return None
    differing = [version for version in last if version != stored.outcome.version]
    if not differing:
        return None
    return Finding(
        video_id, "topic-stale", f"the last record is {differing[0]}, the store has {stored.outcome.version}"
    )


class AuditSweep:
    """Audits and repairs in the background; of all workers one at a time.

    Args:
        audit: what to run.
        turn: says whether it is this worker's turn; asked before each audit.
        interval_seconds: between two audits.
        clock: for the waits.
    """

    def __init__(
        self, audit: Audit, turn: Callable[[], Awaitable[bool]], interval_seconds: float, clock: Clock
    ) -> None:
        self._audit = audit
        self._turn = turn
        self._interval_seconds = interval_seconds
        self._clock = clock

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            await self._clock.sleep(self._interval_seconds)
            if await self._turn():
                await self._once()

    async def _once(self) -> None:
        try:
            audited = await self._audit.run(is_repairing=True)
        except BrokerAway as error:
            _log.warning("the audit found no broker, and comes again", error=str(error))
            return
        _log.info("audited", videos=audited.videos, findings=len(audited.findings))


async def take_turn(redis: Redis, keys: Keys, interval_seconds: float) -> bool:
    """Whether no other worker audited within half an interval; from here on it is this one's turn."""
    held_seconds = max(1, int(interval_seconds / 2))
    return bool(await redis.set(keys.audit(), "held", nx=True, ex=held_seconds))
