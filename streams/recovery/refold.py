"""Refolds the facts of every video in one partition, and compares the results with the published outcomes.

The result of the refold is correct if the log still contains all facts of the published revision. A published outcome
that differs from it is contradicted; that happens if a store lost facts and a worker continued to fold. If facts are
gone from the log, the published outcome is kept, and its revision is sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from msgspec.structs import replace

from schemas.facts import Deleted, Fact
from schemas.outcomes import Outcome, RecommendationRecord, Verdict, Version
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.config.settings import Settings
from streams.decision.differences import outcome_differences, state_differences
from streams.decision.fact_reading import NewerFact, NoFact, read_fact
from streams.decision.fold import fold_next
from streams.decision.order import OffsetsOutOfOrder
from streams.decision.outcome import FoldContext
from streams.decision.ruleset import Ruleset
from streams.decision.state import VideoState
from streams.kafka.clients import StoredRecord, read_to_end
from streams.kafka.unreadable import UnreadableRecords
from streams.lifecycle.clock import Clock, SystemClock
from streams.lifecycle.fold_board import FoldBoard
from streams.recovery.result_comparison import newest_by_key
from streams.store.deletion_reach import joined_deletion
from streams.store.gap import GapCause
from streams.store.stored_case import StoredVideo, spell

_CLOCKS_APART_SECONDS: Final = 3_600.0
"""Maximum difference between the clocks of producers, workers and brokers; uploads closer to the start of the log are
not considered complete."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One video as it is written to the store."""

    state: VideoState
    outcome: Outcome | None
    is_published: bool
    """Whether both topics have it; otherwise the next delivery of its facts publishes it."""
    is_whole: bool = True
    """Whether the log contains every fact of the current revision."""
    contradicted: Version | None = None
    """Version of the published outcome if it is not the result of its facts."""
    needed_offset: int | None = field(default=None, compare=False)
    """Offset of the last record that a store must have folded, if known."""

    @property
    def is_sealed(self) -> bool:
        """Whether the facts behind the outcome are gone."""
        return self.state.sealed_revision > 0

    @property
    def place(self) -> tuple[int, int]:
        """Log epoch and offset of the last record."""
        return self.state.log_generation, self.state.applied_offset

    @property
    def is_outdone(self) -> bool:
        """Whether readers keep a wrong published outcome, because its version is not lower than the correct one's."""
        return self.contradicted is not None and self.outcome is not None and self.contradicted >= self.outcome.version

    def is_ahead_of(self, stored: StoredVideo) -> bool:
        """Return whether a store lacks what it must contain."""
        if self.needed_offset is None:
            return False
        needed = (self.state.log_generation, self.needed_offset)
        return stored.state is None or place_of(stored.state) < needed

    def differences(self, stored: StoredVideo) -> list[str]:
        """Return the parts of a store that differ at the same log position; none if unknown."""
        if stored.state is None or place_of(stored.state) != self.place or self.is_sealed:
            return []
        is_known = self.is_whole or self.state.is_forgotten
        found = state_differences(self.state, stored.state) if is_known else []
        return [*found, *self._outcome_differences(stored.outcome, is_known=is_known)]

    def _outcome_differences(self, stored: Outcome | None, *, is_known: bool) -> list[str]:
        if self.outcome is None or stored is None:
            return ["outcome"] if is_known and self.outcome is not stored else []
        if self.outcome.version != stored.version:
            return ["version"] if is_known else []
        return outcome_differences(self.outcome, stored) if is_known or self.is_published else []


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a video cannot be folded from the log."""

    cause: GapCause
    offset: int
    message: str
    kind: str = ""
    """Kind of a fact that a newer release wrote."""
    type: str = ""


@dataclass
class RefoldReport:
    """Results of a refold in addition to the videos that it returns."""

    faults: dict[str, Fault] = field(default_factory=dict)
    """By video; such a video is not among those that are returned."""
    seen: dict[str, int] = field(default_factory=dict)
    """Offset of the last fact of each video."""
    deletions: dict[str, Deleted | None] = field(default_factory=dict)
    """Of each video that is not returned, what its deletions reach together: nothing of that may be served. None where
    one of them cannot be read."""
    survived: list[int] = field(default_factory=list)
    """Offsets of suspects that were folded without a death of this process."""
    unreadable: UnreadableRecords = field(default_factory=UnreadableRecords)

    def is_deletion_unread(self, video_id: str) -> bool:
        """Return whether a deletion of the video waits that only a newer release can read."""
        return video_id in self.deletions and self.deletions[video_id] is None

    def let_wait(self, fact: Fact | NewerFact) -> None:
        """Note a fact of a video that is not folded."""
        if isinstance(fact, Deleted):
            self._join_deletion(fact.video_id, fact)
        elif isinstance(fact, NewerFact) and fact.is_deletion:
            self.deletions[fact.video_id] = None

    def _join_deletion(self, video_id: str, deletion: Deleted) -> None:
        known = self.deletions.get(video_id)
        if known is not None or video_id not in self.deletions:
            self.deletions[video_id] = joined_deletion(known, deletion)

    def keep_deleted(self, video_id: str, state: VideoState) -> None:
        """Note what was deleted of a video before the fact that cannot be folded."""
        if state.is_forgotten:
            before = state.deletions[-1].before if state.deletions else None
            done = Deleted(
                video_id=video_id,
                revision=state.forgotten_revision,
                reason="",
                event_unix_seconds=0.0,  # its effect is known by its revision
                before=before,
                warnings=state.deletion_warnings,
            )
            self._join_deletion(video_id, done)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which videos are folded, and callbacks."""

    only: Container[str] | None = None
    """None: all of them."""
    without: Container[str] = frozenset()
    """Read, and not folded, because that is known to end the process."""
    said: Mapping[str, str] = field(default_factory=dict)
    """By video, the version of an interim outcome, which does not count as published."""
    suspects: Container[int] = frozenset()
    """Offsets of facts over which a process died."""
    board: FoldBoard = field(default_factory=FoldBoard)
    go_on: Callable[[], None] = lambda: None
    """Called at each record; may raise to end the refold."""

    def has(self, key: bytes | None) -> bool:
        """Return whether the record's video is to be read."""
        return self.only is None or (key or b"").decode("utf-8", "replace") in self.only


ALL_VIDEOS: Final = Scope()


@dataclass
class _Refold:
    """One video while its log is read."""

    published: Outcome | None
    state: VideoState | None = None
    outcome: Outcome | None = None
    at_published: Outcome | None = None
    """The refolded outcome at the published version."""
    needed_offset: int | None = None


@dataclass(frozen=True, slots=True)
class _Begin:
    """Start of the log."""

    offset: int
    unix_seconds: float


def place_of(state: VideoState) -> tuple[int, int]:
    """Return the log epoch and offset of the last record in a state."""
    return state.log_generation, state.applied_offset


def rebuilt_partition(
    settings: Settings,
    ruleset: Ruleset,
    partition: int,
    applied: int | None = None,
    scope: Scope = ALL_VIDEOS,
    report: RefoldReport | None = None,
) -> dict[str, Rebuilt]:
    """Return every video of one partition number, from the topics. Blocks.

    Args:
        settings: address of the topics.
        ruleset: how facts are folded.
        partition: number of the partition.
        applied: next offset that is not applied to the store; facts before it must be in the store.
        scope: which of the videos are folded.
        report: receives videos and records that could not be read or folded.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    # Published outcomes are read first, so that the log, read later, contains the facts behind each.
    verdicts, records, log = (
        read_to_end(settings, [settings.topic_prefix + topic.name], partition=partition)
        for topic in (MODERATION, RECOMMENDATION, SIGNALS)
    )
    report = report or RefoldReport()
    published = _published(_entries(verdicts, scope), _entries(records, scope), report.unreadable)
    return refold(published, log, ruleset, SystemClock(), applied, scope, report)


def refold(
    published: Mapping[str, Outcome],
    log: Iterable[StoredRecord],
    ruleset: Ruleset,
    clock: Clock,
    applied: int | None = None,
    scope: Scope = ALL_VIDEOS,
    report: RefoldReport | None = None,
) -> dict[str, Rebuilt]:
    """Fold the facts in the log, and combine them with what was published; a video that cannot be folded is left
    out."""
    report = report or RefoldReport()
    videos = {
        video_id: _Refold(outcome)
        for video_id, outcome in published.items()
        if spell(outcome.version) != scope.said.get(video_id) and video_id not in scope.without
    }
    begin: _Begin | None = None
    for record in log:
        scope.go_on()
        begin = begin or _Begin(record.offset, record.timestamp_unix_seconds)
        fact = _fact(record, report, scope) if scope.has(record.key) else None
        if fact is None:
            continue
        report.seen[fact.video_id] = record.offset
        if fact.video_id in scope.without:
            report.let_wait(fact)
            continue
        video = videos.setdefault(fact.video_id, _Refold(None))
        if fact.video_id in report.faults or not _folds(video, fact, record, ruleset, clock, scope, report):
            report.let_wait(fact)
        elif applied is not None and record.offset < applied and video.state is not None:
            video.needed_offset = video.state.applied_offset
    begin = begin or _Begin(1, clock.now_unix_seconds())
    rebuilt = _joined(videos, begin, report)
    _tell(rebuilt)
    return rebuilt


def _joined(videos: Mapping[str, _Refold], begin: _Begin, report: RefoldReport) -> dict[str, Rebuilt]:
    found = {video_id: _join_one(video_id, video, begin, report) for video_id, video in videos.items()}
    return {video_id: video for video_id, video in found.items() if video is not None}


def _join_one(video_id: str, video: _Refold, begin: _Begin, report: RefoldReport) -> Rebuilt | None:
    """Return one video for the store; None without facts, or if it cannot be folded."""
    if video_id not in report.faults:
        try:
            return _join(video, begin)
        except Exception as error:  # a bug that one video's outcomes trigger
            _log.exception("video cannot be refolded from the log", video_id=video_id)
            report.faults[video_id] = Fault("internal-error", report.seen.get(video_id, 0), repr(error))
    if video.state is not None:
        report.keep_deleted(video_id, video.state)
    return None


def _tell(videos: Mapping[str, Rebuilt]) -> None:
    sealed = [video_id for video_id, video in videos.items() if video.is_sealed]
    if sealed:
        _log.info("facts expired from the log; keeping published outcomes", videos=len(sealed), first=sealed[0])


def _folds(
    video: _Refold,
    fact: Fact,
    record: StoredRecord,
    ruleset: Ruleset,
    clock: Clock,
    scope: Scope,
    report: RefoldReport,
) -> bool:
    """Fold a fact; False if that fails, which affects only this video."""
    try:
        with scope.board.folding(fact.video_id, record.topic, record.partition, record.offset, ruleset.log_generation):
            _fold_into(video, fact, record.offset, ruleset, clock)
        if record.offset in scope.suspects:
            report.survived.append(record.offset)
    except OffsetsOutOfOrder:
        raise
    except Exception as error:  # a bug that one video's facts trigger
        _log.exception("video cannot be refolded from the log", video_id=fact.video_id, offset=record.offset)
        report.faults[fact.video_id] = Fault("internal-error", record.offset, repr(error))
        return False
    return True


def _fold_into(video: _Refold, fact: Fact, offset: int, ruleset: Ruleset, clock: Clock) -> None:
    context = FoldContext(ruleset.policy, ruleset.prices, ruleset.log_generation, clock.now_unix_seconds())
    folded = fold_next(video.state, fact, offset, context)
    video.state = folded.state
    if folded.state is not None and folded.state.is_forgotten:
        video.outcome = None
    if folded.outcome:
        video.outcome = folded.outcome
        if video.published is not None and folded.outcome.version == video.published.version:
            video.at_published = folded.outcome


def _join(video: _Refold, begin: _Begin) -> Rebuilt | None:
    state, outcome, published = video.state, video.outcome, video.published
    is_whole = _is_whole(video, begin)
    needed_offset = _needed_offset(video)
    if state is not None and state.is_forgotten and _is_withdrawn(state, published):
        forgotten = _without(state, published)
        return Rebuilt(forgotten, None, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if published is None:
        if state is None:
            return None
        return Rebuilt(state, outcome, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if state is not None and outcome is not None and _bears_out(video, outcome, published):
        if outcome.version == published.version:
            # The policy may have changed since; the published outcome counts.
            return Rebuilt(state, published, is_published=True, is_whole=is_whole, needed_offset=needed_offset)
        return Rebuilt(state, outcome, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if state is not None and outcome is not None and is_whole and _is_comparable(state, published.version):
        return Rebuilt(state, outcome, is_published=False, contradicted=published.version, needed_offset=needed_offset)
    sealed = _sealed(state, published.version)
    return Rebuilt(sealed, published, is_published=True, is_whole=False, needed_offset=needed_offset)


def _is_withdrawn(state: VideoState, published: Outcome | None) -> bool:
    if published is None or published.version.revision <= state.forgotten_revision:
        return True
    # Its facts are gone from the log, and with them the position of its upload: the order of the log decides.
    version = (published.version.generation, published.version.offset)
    return any((deletion.log_generation, deletion.log_offset) > version for deletion in state.deletions)


def _without(state: VideoState, published: Outcome | None) -> VideoState:
    """Return the state of a deleted video, whose log may have lost the withdrawn revision."""
    known_revision = published.version.revision if published else 0
    return replace(
        state,
        forgotten_revision=max(known_revision, state.forgotten_revision),
        withdrawn_revision=max(known_revision, state.withdrawn_revision),
    )


def _is_whole(video: _Refold, begin: _Begin) -> bool:
    """Return whether no fact of the current revision can be missing: the log was never truncated, or the upload is
    younger than its start."""
    if begin.offset == 0:
        return True
    accepted, published = (video.state.accepted if video.state else None), video.published
    if accepted is None or accepted.uploaded_unix_seconds <= begin.unix_seconds + _CLOCKS_APART_SECONDS:
        return False
    if published is None or published.version.revision != accepted.revision:
        return True
    # An upload that was sent again has another time, and its first `accepted` may be missing.
    return published.verdict.uploaded_unix_seconds == accepted.uploaded_unix_seconds


def _bears_out(video: _Refold, outcome: Outcome, published: Outcome) -> bool:
    """Return whether the fold passed the published outcome with the same result, or started a later revision."""
    if outcome.version.revision > published.version.revision:
        return True
    return video.at_published is not None and not outcome_differences(video.at_published, published)


def _is_comparable(state: VideoState, version: Version) -> bool:
    """Return whether the published outcome is of this revision, and its offset one of this log."""
    return (state.revision, state.log_generation) == (version.revision, version.generation)


def _needed_offset(video: _Refold) -> int | None:
    published, state = video.published, video.state
    known = [] if video.needed_offset is None else [video.needed_offset]
    if published is not None and (state is None or state.log_generation == published.version.generation):
        known.append(published.version.offset)
    return max(known, default=None)


def _sealed(state: VideoState | None, version: Version) -> VideoState:
    waiting = state.waiting if state else {}
    return VideoState(
        log_generation=version.generation,
        applied_offset=max(version.offset, state.applied_offset if state else version.offset),
        waiting={revision: signals for revision, signals in waiting.items() if revision > version.revision},
        version=version,
        sealed_revision=version.revision,
        deletions=state.deletions if state else (),
    )


def _fact(record: StoredRecord, report: RefoldReport, scope: Scope) -> Fact | None:
    fact = read_fact(record.key, record.value, record.headers)
    if isinstance(fact, NewerFact):
        report.seen[fact.video_id] = record.offset
        report.let_wait(fact)
        if fact.video_id not in scope.without:
            fault = Fault("newer-fact", record.offset, fact.message, fact.kind, fact.type)
            report.faults.setdefault(fact.video_id, fault)
        return None
    return None if isinstance(fact, NoFact) else fact


def _published(
    verdicts: Iterable[tuple[bytes | None, bytes | None]],
    records: Iterable[tuple[bytes | None, bytes | None]],
    unreadable: UnreadableRecords,
) -> dict[str, Outcome]:
    """Return outcomes that both topics have; one in a single topic was never acknowledged, so its fact will be
    redelivered."""
    by_verdict = newest_by_key(verdicts, Verdict, MODERATION.name, unreadable)
    by_record = newest_by_key(records, RecommendationRecord, RECOMMENDATION.name, unreadable)
    return {
        video_id: Outcome(verdict=by_verdict[video_id], record=by_record[video_id])
        for video_id in by_verdict.keys() & by_record.keys()
        if by_verdict[video_id].version == by_record[video_id].version
    }


def _entries(records: Iterable[StoredRecord], scope: Scope) -> Iterable[tuple[bytes | None, bytes | None]]:
    return ((record.key, record.value) for record in records if scope.has(record.key))
