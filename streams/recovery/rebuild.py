"""Fills Redis from the topics: the two compacted ones contain what was published, the log contains the facts.

Each video's facts are folded again, see `streams.recovery.refold`. If the log still contains all of them, the result is
exactly the published outcome (with the same version, because versions are log positions), and the state behind it.

All records of a video have one partition number, so one partition is read at a time and only one is in memory. A video
of which the store knows more is not changed: uploads may arrive and workers may fold meanwhile. A verdict worker that
starts while Redis lacks facts exits until the rebuild is complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from confluent_kafka import KafkaException, TopicPartition

from schemas.facts import Deleted
from schemas.outcomes import Outcome
from schemas.topics import DEAD_LETTER, SIGNALS
from streams.config.settings import Settings
from streams.dead_letters.dead_letter_index import DeadLetterIndex
from streams.decision.ruleset import Ruleset
from streams.decision.state import VideoState
from streams.kafka.clients import (
    READER_GROUP,
    REQUEST_SECONDS,
    BrokerUnavailable,
    answered_consumer,
    partitions_of,
    read_to_end,
)
from streams.kafka.unreadable import UnreadableRecords
from streams.lifecycle.clock import Clock, SystemClock
from streams.lifecycle.fold_board import FoldBoard, FoldedFact
from streams.lifecycle.own_deaths import CRASHES_BEFORE_GIVING_UP
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold import Scope, rebuilt_partition
from streams.recovery.refold_report import Fault, RefoldReport
from streams.store.applied import AppliedOffsets
from streams.store.deadlines import Deadline, Deadlines
from streams.store.gaps import Gaps, WaitingFact
from streams.store.outcomes import Outcomes
from streams.store.shared_faults import count_or_raise
from streams.store.stored_case import UnreadableState
from streams.verdict.expiry import Expiry, has_expired
from streams.verdict.followers import Follower, told

_log = structlog.get_logger(__name__)


class ComparedFollower(Follower, Protocol):
    """A follower that can compare its data with an outcome."""

    async def differences(self, video_id: str, outcome: Outcome | None) -> list[str]:
        """Return the differences; None is the outcome of a video without one."""
        ...


@dataclass(frozen=True, slots=True)
class RebuildStores:
    """What a rebuild fills."""

    outcomes: Outcomes
    deadlines: Deadlines
    applied: AppliedOffsets
    expiry: Expiry
    """Expiry of videos."""
    followers: Sequence[ComparedFollower] = ()
    """Data outside the log, such as the vectors."""
    dead_letters: DeadLetterIndex | None = None
    """Dead letters that a deletion must withdraw."""
    tombstones: Deadlines | None = None
    """Deletions whose tombstones are written once more."""
    gaps: Gaps | None = None
    """Videos that cannot be folded, whose facts wait."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """Progress of a rebuild."""

    partitions_done: int
    num_partitions: int
    videos_read: int
    videos_written: int
    """How many of them were behind in the store."""
    videos_sealed: int
    """How many of them have lost facts behind their outcome."""
    videos_contradicted: int
    """How many of them have a published outcome that contradicts their facts; an audit repairs these."""
    videos_unfolded: int = 0
    """In addition to those: videos whose facts cannot be folded, and wait."""


@dataclass(frozen=True, slots=True)
class FoldDeaths:
    """Facts that end the process that folds them."""

    board: FoldBoard = field(default_factory=FoldBoard)
    """Names each fact while it is folded."""
    deadly: Mapping[str, FoldedFact] = field(default_factory=dict)
    """By video, a fact over which the process died too often: the video is left out, and its facts wait."""


async def rebuild_store(
    settings: Settings,
    ruleset: Ruleset,
    stores: RebuildStores,
    tell: Callable[[RebuildProgress], None],
    unreadable: UnreadableRecords | None = None,
    deaths: FoldDeaths | None = None,
) -> RebuildProgress:
    """Fill the store from the topics, one partition after another; may be repeated, and run during live traffic.

    Args:
        settings: address of the topics.
        ruleset: how facts are folded.
        stores: what is filled.
        tell: called after each partition.
        unreadable: counts skipped records.
        deaths: causes of earlier deaths, and where this run notes what it folds.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    ends = await asyncio.to_thread(log_ends, settings)
    progress = RebuildProgress(0, len(ends), 0, 0, 0, 0)
    deaths = deaths or FoldDeaths()
    known = frozenset() if stores.gaps is None else await stores.gaps.deadly_videos(of_any_release=False)
    scope = Scope(without=known.union(deaths.deadly), board=deaths.board)
    for place, end in sorted(ends.items()):
        report = RefoldReport(unreadable=unreadable or UnreadableRecords())
        found = await asyncio.to_thread(rebuilt_partition, settings, ruleset, place[1], scope=scope, report=report)
        kept = kept_videos(found, settings.video_retention_seconds, SystemClock())
        written = 0
        for video_id, video in kept.items():
            written += await _repair_or_fault(stores, video_id, video, report)
        videos = {video_id: video for video_id, video in kept.items() if video_id not in report.faults}
        if stores.dead_letters is not None:
            for key in await asyncio.to_thread(dead_letter_keys, settings, place[1]):
                await stores.dead_letters.add(key, place[1])
        if stores.tombstones is not None:
            await _withdraw_again(stores.tombstones, videos)
        if stores.gaps is not None:
            await _let_wait(stores.gaps, ruleset.log_generation, place[1], report)
            await _let_deadly_wait(stores.gaps, place[1], deaths.deadly, report)
            for video_id in report.deletions.keys() - known:
                await _hide(stores.gaps, stores.followers, video_id, report.deletions[video_id])
        await stores.applied.raise_to({place: end})
        progress = RebuildProgress(
            progress.partitions_done + 1,
            progress.num_partitions,
            progress.videos_read + len(videos),
            progress.videos_written + written,
            progress.videos_sealed + sum(video.is_sealed for video in videos.values()),
            progress.videos_contradicted + sum(video.is_outdone for video in videos.values()),
            progress.videos_unfolded
            + len(report.faults)
            + sum(_is_in(fact, place[1]) for fact in deaths.deadly.values()),
        )
        tell(progress)
    return progress


async def _repair_or_fault(stores: RebuildStores, video_id: str, video: Rebuilt, report: RefoldReport) -> bool:
    """The same as `repair_video`, but returns an error of one video as its fault, so that others continue."""
    try:
        return await repair_video(stores, video_id, video)
    except Exception as error:
        count_or_raise(error, "rebuild")
        _log.exception("video cannot be written; its facts wait", video_id=video_id)
        report.faults[video_id] = Fault("internal-error", video.state.applied_offset, repr(error))
        report.keep_deleted(video_id, video.state)
        return False


async def _let_wait(gaps: Gaps, log_generation: int, partition: int, report: RefoldReport) -> None:
    """Open gaps for such videos: otherwise a worker would fold the next fact without the earlier ones."""
    now_unix_seconds = SystemClock().now_unix_seconds()
    for video_id, fault in report.faults.items():
        waiting = WaitingFact(
            video_id, partition, log_generation, report.seen.get(video_id, fault.offset), fault.cause, fault.message,
            fault.kind, fault.type, report.deletions.get(video_id),
            is_unread_deletion=report.is_deletion_unread(video_id),
        )  # fmt: skip
        await gaps.wait(waiting, now_unix_seconds)


async def _let_deadly_wait(gaps: Gaps, partition: int, deadly: Mapping[str, FoldedFact], report: RefoldReport) -> None:
    """Open gaps for deadly facts, over which a worker would end, too."""
    now_unix_seconds = SystemClock().now_unix_seconds()
    for video_id, fact in deadly.items():
        if _is_in(fact, partition):
            await gaps.wait_for_release(
                fact, "a rebuild", CRASHES_BEFORE_GIVING_UP, now_unix_seconds, report.deletions.get(video_id),
                is_unread_deletion=report.is_deletion_unread(video_id),
            )  # fmt: skip


async def _hide(gaps: Gaps, followers: Sequence[Follower], video_id: str, deletion: Deleted | None) -> None:
    """Withdraw a video whose deletion waits, as before the store was lost; a verdict worker does the rest when it
    retries the gap."""
    try:
        hidden = await gaps.hide(video_id, deletion)
    except Exception as error:
        count_or_raise(error, "rebuild")
        _log.exception("video whose deletion waits not withdrawn yet", video_id=video_id)
        return
    if hidden is not None and hidden.evidence:
        for follower in followers:
            await told(follower.remove(video_id), video_id)


def _is_in(fact: FoldedFact, partition: int) -> bool:
    return fact.place.partition == partition


def kept_videos(videos: Mapping[str, Rebuilt], kept_seconds: float, clock: Clock) -> dict[str, Rebuilt]:
    """Return videos that have not expired; the broker removes records some time after the store does."""
    return {
        video_id: video for video_id, video in videos.items() if not has_expired(video.outcome, kept_seconds, clock)
    }


async def repair_video(stores: RebuildStores, video_id: str, video: Rebuilt) -> bool:
    """Write one video and everything that depends on it, if the store is behind or differs; return whether anything was
    written.

    A store that is further in the log than the refold is not changed, and only data derived from its outcome is
    repaired.
    """
    # First, by any writer of the state: a rebuild that dies before this must not leave a video without its deadline.
    await register_deadline(stores.deadlines, video.state)
    is_restored = await stores.outcomes.restore(
        video_id,
        video.state,
        video.outcome,
        is_published=video.is_published or video.is_outdone,
        is_wrong=lambda stored: bool(video.differences(stored)),
    )
    if is_restored:
        followers: list[Follower] = [*stores.followers, stores.expiry]
        for follower in followers:
            await _tell(follower, video_id, video.outcome)
        return True
    return await _repair_concurrently(stores, video_id)


async def _repair_concurrently(stores: RebuildStores, video_id: str) -> bool:
    """Repair readers' keys and vectors that differ from the stored outcome."""
    try:
        served = await stores.outcomes.read_served(video_id)
    except UnreadableState:  # meanwhile; its worker opens a gap
        return False
    if served.case.is_in_gap:  # the interim outcome is served; closing the gap repairs the rest
        return False
    is_repaired = bool(served.differences()) and await stores.outcomes.serve_again(video_id, served.case)
    outcome = served.case.outcome
    for follower in stores.followers:
        if await differences_of(follower, video_id, outcome):
            await _tell(follower, video_id, outcome)
            is_repaired = True
    return is_repaired


async def _tell(follower: Follower, video_id: str, outcome: Outcome | None) -> None:
    await told(follower.replace(outcome) if outcome else follower.remove(video_id), video_id)


async def differences_of(follower: ComparedFollower, video_id: str, outcome: Outcome | None) -> list[str]:
    """Return a follower's differences; an error about one video counts as one."""
    try:
        return await follower.differences(video_id, outcome)
    except Exception as error:
        count_or_raise(error, "follower")
        _log.exception("outcome follower failed for one video", video_id=video_id)
        return [f"cannot be compared: {error!r}"]


def dead_letter_keys(settings: Settings, partition: int) -> list[bytes]:
    """Return the keys of the dead letters in one partition that are not withdrawn. Blocks. Raises BrokerUnavailable."""
    standing: dict[bytes, bool] = {}
    for record in read_to_end(settings, [settings.topic_prefix + DEAD_LETTER.name], partition=partition):
        if record.key is not None:
            standing[record.key] = record.value is not None
    return [key for key, is_standing in standing.items() if is_standing]


async def _withdraw_again(tombstones: Deadlines, videos: Mapping[str, Rebuilt]) -> None:
    """Let a verdict worker write the tombstones of deleted videos again, and withdraw the dead letters in the index.

    The registered entries were lost with the store, and dead letters may have been written while its deletion markers
    were missing.
    """
    now_unix_seconds = SystemClock().now_unix_seconds()
    for video_id, video in videos.items():
        if video.state.is_forgotten:
            await tombstones.register(Deadline(video_id, video.state.forgotten_revision, now_unix_seconds))


async def register_deadline(deadlines: Deadlines, state: VideoState) -> None:
    """Register the deadline of an undecided revision; may be repeated."""
    if state.accepted is not None and state.status == "pending":
        accepted = state.accepted
        await deadlines.register(Deadline(accepted.video_id, accepted.revision, accepted.deadline_unix_seconds))


def log_ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Return the next offset of each partition of the log; call it before the log is read, so that nothing is
    skipped."""
    topic = settings.topic_prefix + SIGNALS.name
    consumer = answered_consumer(settings, {"group.id": READER_GROUP})
    try:
        return {
            (topic, partition): consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=REQUEST_SECONDS
            )[1]
            for partition in partitions_of(consumer, topic)
        }
    except KafkaException as error:
        raise BrokerUnavailable(f"no broker answered: {error}") from error
    finally:
        consumer.close()
