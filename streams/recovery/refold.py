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

from schemas.facts import Fact
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.config.settings import Settings
from streams.decision.fact_reading import NewerFact, NoFact, read_fact
from streams.decision.fold import fold_next
from streams.decision.order import OffsetsOutOfOrder
from streams.decision.outcome import FoldContext
from streams.decision.ruleset import Ruleset
from streams.kafka.clients import StoredRecord, read_to_end
from streams.kafka.unreadable import UnreadableRecords
from streams.lifecycle.clock import Clock, SystemClock
from streams.lifecycle.fold_board import FoldBoard
from streams.recovery.rebuilt import LogBegin, Rebuilt, RefoldedVideo, rebuilt_of
from streams.recovery.refold_report import Fault, RefoldReport
from streams.recovery.result_comparison import newest_by_key
from streams.store.stored_case import spell

_log = structlog.get_logger(__name__)


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
        video_id: RefoldedVideo(outcome)
        for video_id, outcome in published.items()
        if spell(outcome.version) != scope.said.get(video_id) and video_id not in scope.without
    }
    begin: LogBegin | None = None
    for record in log:
        scope.go_on()
        begin = begin or LogBegin(record.offset, record.timestamp_unix_seconds)
        fact = _fact(record, report, scope) if scope.has(record.key) else None
        if fact is None:
            continue
        report.seen[fact.video_id] = record.offset
        if fact.video_id in scope.without:
            report.let_wait(fact)
            continue
        video = videos.setdefault(fact.video_id, RefoldedVideo(None))
        if fact.video_id in report.faults or not _folds(video, fact, record, ruleset, clock, scope, report):
            report.let_wait(fact)
        elif applied is not None and record.offset < applied and video.state is not None:
            video.needed_offset = video.state.applied_offset
    begin = begin or LogBegin(1, clock.now_unix_seconds())
    rebuilt = _joined(videos, begin, report)
    _tell(rebuilt)
    return rebuilt


def _joined(videos: Mapping[str, RefoldedVideo], begin: LogBegin, report: RefoldReport) -> dict[str, Rebuilt]:
    found = {video_id: _join_one(video_id, video, begin, report) for video_id, video in videos.items()}
    return {video_id: video for video_id, video in found.items() if video is not None}


def _join_one(video_id: str, video: RefoldedVideo, begin: LogBegin, report: RefoldReport) -> Rebuilt | None:
    """Return one video for the store; None without facts, or if it cannot be folded."""
    if video_id not in report.faults:
        try:
            return rebuilt_of(video, begin)
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
    video: RefoldedVideo,
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


def _fold_into(video: RefoldedVideo, fact: Fact, offset: int, ruleset: Ruleset, clock: Clock) -> None:
    context = FoldContext(ruleset.policy, ruleset.prices, ruleset.log_generation, clock.now_unix_seconds())
    folded = fold_next(video.state, fact, offset, context)
    video.state = folded.state
    if folded.state is not None and folded.state.is_forgotten:
        video.outcome = None
    if folded.outcome:
        video.outcome = folded.outcome
        if video.published is not None and folded.outcome.version == video.published.version:
            video.at_published = folded.outcome


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
