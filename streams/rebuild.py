"""Filling Redis from the topics: the two compacted ones say what was published, the log says why.

Each video's facts are folded again. Where the log still holds all of them, that gives the very outcome that was
published (the same version, as versions are places in the log), and the state behind it. Where it does not, the
published outcome is kept as it is and its revision is sealed.

Everything of a video lies under one partition number, so one partition is read at a time and no more is held in memory.
A video that the store knows as far or further is left alone: uploads may arrive and workers may fold meanwhile. A
verdict worker that starts while Redis misses facts refuses until the rebuild is through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec.structs import replace

from schemas.errors import InvalidEvent
from schemas.facts import Fact
from schemas.outcomes import Outcome, RecommendationRecord, Verdict, Version
from schemas.topics import DEAD_LETTER, MODERATION, RECOMMENDATION, SIGNALS
from schemas.wire import decode_fact
from streams.clock import Clock, SystemClock
from streams.delivery.letter_index import LetterIndex
from streams.kafka_clients import (
    READER_GROUP,
    REQUEST_SECONDS,
    BrokerAway,
    StoredRecord,
    client_configuration,
    partitions_of,
    read_to_end,
)
from streams.projection import newest_by_key
from streams.settings import Settings
from streams.store.applied import AppliedOffsets
from streams.store.deadlines import Deadline, Deadlines
from streams.store.outcomes import Outcomes
from streams.verdict.expiry import Expiry, has_expired
from streams.verdict.fold import fold_next
from streams.verdict.outcome import FoldContext
from streams.verdict.role import Follower, Ruleset
from streams.verdict.state import CaseState

_log = structlog.get_logger(__name__)


@dataclass
class _Refold:
    """One video while its log is read."""

    state: CaseState | None = None
    outcome: Outcome | None = None
    versions: set[Version] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One video as it goes into the store."""

    state: CaseState
    outcome: Outcome | None
    is_published: bool
    """Whether both topics have it; otherwise the next delivery of its facts publishes it."""

    @property
    def is_sealed(self) -> bool:
        """Whether the facts behind the outcome are gone."""
        return self.state.sealed_revision > 0


@dataclass(frozen=True, slots=True)
class RebuildStores:
    """What a rebuild fills."""

    outcomes: Outcomes
    deadlines: Deadlines
    applied: AppliedOffsets
    expiry: Expiry
    """When each video's time is up."""
    followers: Sequence[Follower] = ()
    """What stands beside the log, such as the vectors."""
    letters: LetterIndex | None = None
    """Which dead letters a deletion has to reach."""
    tombstones: Deadlines | None = None
    """Deletions whose tombstones are due once more."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is."""

    partitions_done: int
    num_partitions: int
    videos_read: int
    videos_written: int
    """Of those, how many the store was behind on."""
    videos_sealed: int
    """Of those read, how many have lost facts behind their outcome."""


async def rebuild_store(
    settings: Settings, ruleset: Ruleset, stores: RebuildStores, tell: Callable[[RebuildProgress], None]
) -> RebuildProgress:
    """Fill the store from the topics, one partition after another; may be repeated, and run beside live traffic.

    Args:
        settings: where the topics are.
        ruleset: how facts are folded.
        stores: what is filled.
        tell: called after each partition.

    Raises:
        BrokerAway: no broker answers.
    """
    ends = await asyncio.to_thread(log_ends, settings)
    progress = RebuildProgress(0, len(ends), 0, 0, 0)
    for place, end in sorted(ends.items()):
        found = await asyncio.to_thread(rebuilt_partition, settings, ruleset, place[1])
        videos = kept_videos(found, settings.video_retention_seconds, SystemClock())
        written = 0
        for video_id, video in videos.items():
            written += await restore_video(stores, video_id, video)
        if stores.letters is not None:
            for key in await asyncio.to_thread(letter_keys, settings, place[1]):
                await stores.letters.add(key, place[1])
        if stores.tombstones is not None:
            await _withdraw_again(stores.tombstones, videos)
        await stores.applied.raise_to({place: end})
        progress = RebuildProgress(
            progress.partitions_done + 1,
            progress.num_partitions,
            progress.videos_read + len(videos),
            progress.videos_written + written,
            progress.videos_sealed + sum(video.is_sealed for video in videos.values()),
        )
        tell(progress)
    return progress


def rebuilt_partition(settings: Settings, ruleset: Ruleset, partition: int) -> dict[str, Rebuilt]:
    """Every video of one partition number as the topics tell it. Blocks. Raises BrokerAway."""
    verdicts, records, log = (
        read_to_end(settings, [settings.topic_prefix + topic.name], partition=partition)
        for topic in (MODERATION, RECOMMENDATION, SIGNALS)
    )
    published = _published(_entries(verdicts), _entries(records))
    return refold(published, log, ruleset, SystemClock())


def kept_videos(videos: Mapping[str, Rebuilt], kept_seconds: float, clock: Clock) -> dict[str, Rebuilt]:
    """Those whose time is not up; the broker drops records some time after the store does."""
    return {
        video_id: video for video_id, video in videos.items() if not has_expired(video.outcome, kept_seconds, clock)
    }


async def restore_video(stores: RebuildStores, video_id: str, video: Rebuilt) -> bool:
    """Write one video and what hangs on it, where the store is behind; say whether it was."""
    # First, and whoever wrote the state: a rebuild that died before this must not leave a video without its deadline.
    await register_deadline(stores.deadlines, video.state)
    if not await stores.outcomes.restore(video_id, video.state, video.outcome, is_published=video.is_published):
        return False
    for follower in (*stores.followers, stores.expiry):
        await (follower.replace(video.outcome) if video.outcome else follower.remove(video_id))
    return True


def refold(
    published: Mapping[str, Outcome], log: Iterable[StoredRecord], ruleset: Ruleset, clock: Clock
) -> dict[str, Rebuilt]:
    """Fold what the log holds, and join it with what was published."""
    videos: dict[str, _Refold] = {}
    for record in log:
        fact = _fact(record)
        if fact is not None:
            _fold_into(videos.setdefault(fact.video_id, _Refold()), fact, record.offset, ruleset, clock)
    rebuilt = {
        video_id: _join(video_id, videos.get(video_id, _Refold()), published.get(video_id))
        for video_id in videos.keys() | published.keys()
    }
    return {video_id: video for video_id, video in rebuilt.items() if video is not None}


def letter_keys(settings: Settings, partition: int) -> list[bytes]:
    """Keys of the dead letters in one partition that were not taken back. Blocks. Raises BrokerAway."""
    standing: dict[bytes, bool] = {}
    for record in read_to_end(settings, [settings.topic_prefix + DEAD_LETTER.name], partition=partition):
        if record.key is not None:
            standing[record.key] = record.value is not None
    return [key for key, is_standing in standing.items() if is_standing]


def _fold_into(video: _Refold, fact: Fact, offset: int, ruleset: Ruleset, clock: Clock) -> None:
    context = FoldContext(ruleset.policy, ruleset.prices, ruleset.log_generation, clock.now_unix_seconds())
    folded = fold_next(video.state, fact, offset, context)
    video.state = folded.state
    if folded.state is not None and folded.state.is_forgotten:
        video.outcome = None
    if folded.outcome:
        video.outcome = folded.outcome
        video.versions.add(folded.outcome.version)


def _join(video_id: str, video: _Refold, published: Outcome | None) -> Rebuilt | None:
    if video.state is not None and video.state.is_forgotten and _is_withdrawn(video.state, published):
        return Rebuilt(_without(video.state, published), None, is_published=False)
    if published is None:
        return Rebuilt(video.state, video.outcome, is_published=False) if video.state else None
    if video.state is None or video.outcome is None or not _holds_all_facts(video, published):
        _log.warning("facts are gone from the log, the published outcome is kept", video_id=video_id)
        return Rebuilt(_sealed(video, published.version), published, is_published=True)
    if video.outcome.version == published.version:
        # The policy may have changed since; what counts is what is out.
        return Rebuilt(video.state, published, is_published=True)
    return Rebuilt(video.state, video.outcome, is_published=False)


def _is_withdrawn(state: CaseState, published: Outcome | None) -> bool:
    if published is None or published.version.revision <= state.forgotten_revision:
        return True
    # Its facts are gone from the log, and with them the place of its upload: the order of the log decides.
    version = (published.version.generation, published.version.offset)
    return any((deletion.log_generation, deletion.log_offset) > version for deletion in state.deletions)


def _without(state: CaseState, published: Outcome | None) -> CaseState:
    """The state of a forgotten video, whose log may have lost the revision that is withdrawn."""
    known_revision = published.version.revision if published else 0
    return replace(
        state,
        forgotten_revision=max(known_revision, state.forgotten_revision),
        withdrawn_revision=max(known_revision, state.withdrawn_revision),
    )


def _holds_all_facts(video: _Refold, published: Outcome) -> bool:
    """Whether the fold came past the published outcome, or to a revision that began after it."""
    assert video.outcome is not None
    return published.version in video.versions or video.outcome.version.revision > published.version.revision


def _sealed(video: _Refold, version: Version) -> CaseState:
    state = video.state
    waiting = state.waiting if state else {}
    return CaseState(
        log_generation=version.generation,
        applied_offset=max(version.offset, state.applied_offset if state else version.offset),
        waiting={revision: signals for revision, signals in waiting.items() if revision > version.revision},
        version=version,
        sealed_revision=version.revision,
        deletions=state.deletions if state else (),
    )


def _fact(record: StoredRecord) -> Fact | None:
    try:
        fact = decode_fact(record.value)
    except InvalidEvent:
        return None
    return fact if record.key == fact.video_id.encode() else None


def _published(
    verdicts: Iterable[tuple[bytes | None, bytes | None]], records: Iterable[tuple[bytes | None, bytes | None]]
) -> dict[str, Outcome]:
    """Outcomes that both topics have; one alone was never acknowledged, so its fact will be delivered again."""
    by_verdict = newest_by_key(verdicts, Verdict)
    by_record = newest_by_key(records, RecommendationRecord)
    return {
        video_id: Outcome(verdict=by_verdict[video_id], record=by_record[video_id])
        for video_id in by_verdict.keys() & by_record.keys()
        if by_verdict[video_id].version == by_record[video_id].version
    }


def _entries(records: Iterable[StoredRecord]) -> Iterable[tuple[bytes | None, bytes | None]]:
    return ((record.key, record.value) for record in records)


async def _withdraw_again(tombstones: Deadlines, videos: Mapping[str, Rebuilt]) -> None:
    """Have a verdict worker write the tombstones of what is deleted, and take back the letters in the index.

    What was registered for that is gone with the store, and letters may have been written while its guards were.
    """
    now_unix_seconds = SystemClock().now_unix_seconds()
    for video_id, video in videos.items():
        if video.state.is_forgotten:
            await tombstones.register(Deadline(video_id, video.state.forgotten_revision, now_unix_seconds))


async def register_deadline(deadlines: Deadlines, state: CaseState) -> None:
    """Register when an open revision has to be decided; may be repeated."""
    if state.accepted is not None and state.status == "pending":
        accepted = state.accepted
        await deadlines.register(Deadline(accepted.video_id, accepted.revision, accepted.deadline_unix_seconds))


def log_ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Next offset of each partition of the log; to be asked before the log is read, so that nothing is skipped."""
    topic = settings.topic_prefix + SIGNALS.name
    consumer = Consumer({**client_configuration(settings), "group.id": READER_GROUP})
    try:
        return {
            (topic, partition): consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=REQUEST_SECONDS
            )[1]
            for partition in partitions_of(consumer, topic)
        }
    except KafkaException as error:
        raise BrokerAway(f"no broker answered: {error}") from error
    finally:
        consumer.close()
