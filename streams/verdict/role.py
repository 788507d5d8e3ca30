"""The verdict role: handles one record of `video.signals`.

1. Read the state, fold the fact, write by compare-and-set; if another worker was faster, read again.
2. After an `accepted` fact of an undecided video, register its deadline again. Remove the deadline of a revision that
   is final, superseded or deleted.
3. Publish the stored outcome to both compacted topics, unless it is known to be published, and wait for both
   confirmations. If the video is deleted, publish tombstones instead, withdraw its dead letters, and register the
   tombstones to be written once more after the longest drain: a late verdict of a dying worker must not restore the
   video.
4. Update the followers, such as the vectors.
5. Mark the outcome as published. If a newer version is stored now, repeat this for that version.

A fact that cannot be folded waits in a gap of its video, together with later ones: `streams.verdict.boundary`.

The caller acknowledges the record when `run` returns. A crash after any step is corrected by the redelivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import structlog

from operators.tracing import TraceSpan
from schemas.codec import header
from schemas.facts import Accepted, EngagementSummary, Fact, Failure
from schemas.outcomes import Outcome
from streams.decision.decide import Decision, decide
from streams.decision.fact_reading import NewerFact, NoFact, kind_of, read_fact
from streams.decision.fold import Folded, fold
from streams.decision.order import DeliveredOrder
from streams.decision.outcome import FoldContext
from streams.decision.ruleset import Ruleset
from streams.delivery.admission import Slot
from streams.delivery.held_events import HeldEvents
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.record import Record
from streams.store.deadlines import Deadline, Deadlines
from streams.store.fold_deaths import FoldWatch
from streams.store.outcomes import GapStands, Outcomes
from streams.store.stored_case import StoredVideo
from streams.verdict.boundary import FoldBoundary
from streams.verdict.closed_revisions import closed_revisions
from streams.verdict.decision_metrics import count_cost, count_decision, count_ignored, count_warnings, observe_delay
from streams.verdict.followers import Follower
from streams.verdict.forgetting import Forgetting
from streams.verdict.keyed_executor import KeyedExecutor
from streams.verdict.publishing import EventPublisher
from streams.verdict.stored_publishing import StoredPublishing

_log = structlog.get_logger(__name__)


class VerdictRole:
    """Folds facts, as the one agent of its role; sequential for one video, concurrent across videos."""

    def __init__(
        self,
        outcomes: Outcomes,
        deadlines: Deadlines,
        publisher: EventPublisher,
        ruleset: Ruleset,
        clock: Clock,
        forgetting: Forgetting,
        followers: Sequence[Follower] = (),
        boundary: FoldBoundary | None = None,
        watch: FoldWatch | None = None,
    ) -> None:
        """Without a boundary every error is raised, and a fact of a newer release is skipped."""
        self._outcomes = outcomes
        self._deadlines = deadlines
        self._publishing = StoredPublishing(outcomes, publisher, clock, forgetting, followers)
        self._ruleset = ruleset
        self._clock = clock
        self._boundary = boundary
        self._watch = watch or FoldWatch()
        self._executor = KeyedExecutor()
        self._order = DeliveredOrder()

    @property
    def held(self) -> HeldEvents | None:
        """Facts that are held at the limit on dead letters; None without a limit."""
        return None if self._boundary is None else self._boundary.held

    async def run(self, record: Record, slot: Slot | None = None) -> None:
        """Return when the record is folded and all its effects are confirmed.

        Call it in the order of offsets, and await nothing between receiving a record and this call: the keyed executor
        keeps the order of the calls.

        Raises:
            KeyBlocked: an earlier record of the same video failed; this one was not processed.
            OffsetsOutOfOrder: a later record of the partition came first, and may have hidden this one.
        """
        del slot
        is_redelivered = self._order.is_redelivered(record)
        fact = read_fact(record.key, record.value, record.headers)
        if isinstance(fact, NoFact):
            _skip(record, fact.cause, fact.message)
            return
        within = spans.current()  # the executor may run it inside another record's task
        answered = self._executor.enqueue(
            fact.video_id,
            record.place.offset,
            lambda: self._answer(fact, record, within),
            is_redelivered=is_redelivered,
        )
        with self._expecting(fact, record):
            await answered

    async def fail(self, record: Record, slot: Slot | None, failure: Failure) -> None:
        """Let the record's fact wait; return when that is stored.

        The boundary within the role has already handled the errors that it knows.

        Raises:
            RuntimeError: there is no boundary.
        """
        del slot
        fact = read_fact(record.key, record.value, record.headers)
        if self._boundary is None or isinstance(fact, NoFact | NewerFact):
            raise RuntimeError(f"folding {record.place} failed with {failure.cause}: {failure.message}")
        await self._boundary.give_up(fact, record, failure)

    async def close(self) -> None:
        """Cancel running folds; their records are redelivered."""
        await self._executor.close()

    def _expecting(self, fact: Fact | NewerFact, record: Record) -> AbstractContextManager[None]:
        if self._boundary is None or isinstance(fact, NewerFact):
            return nullcontext()
        return self._boundary.expecting(fact, record)

    async def _answer(self, fact: Fact | NewerFact, record: Record, within: TraceSpan) -> None:
        if isinstance(fact, NewerFact):
            await self._wait_for_newer(fact, record)
            return
        with spans.span("fold", parent=within, kind=kind_of(fact)):
            if self._boundary is None:
                await self._settle(fact, record)
            else:
                await self._boundary.answer(fact, record, lambda: self._settle(fact, record))

    async def _wait_for_newer(self, fact: NewerFact, record: Record) -> None:
        if self._boundary is None:
            _skip(record, "newer-fact", fact.message)
        else:
            await self._boundary.wait_for_newer(fact, record)

    async def _settle(self, fact: Fact, record: Record) -> None:
        before, stored = await self._apply(fact, record)
        if isinstance(fact, Accepted):
            await self._register_deadline(fact, stored)
        for revision in closed_revisions(before, stored):
            await self._deadlines.drop(fact.video_id, revision)
        await self._publishing.publish(fact.video_id, stored, header(record.headers, "traceparent"))
        if stored.outcome is not before:
            self._observe(fact, before, stored)

    async def _apply(self, fact: Fact, record: Record) -> tuple[Outcome | None, StoredVideo]:
        """Fold and write; return the previously stored outcome, and what the store contains now."""
        with metrics.STAGE_SECONDS.labels("fold").time():
            return await self._fold_and_write(fact, record)

    async def _fold_and_write(self, fact: Fact, record: Record) -> tuple[Outcome | None, StoredVideo]:
        """Raises GapStands, UnreadableState."""
        place = record.place
        while True:
            with spans.span("read state"):
                stored = await self._outcomes.read(fact.video_id, place)
            if stored.is_in_gap:
                raise GapStands(fact.video_id)
            generation = self._ruleset.log_generation
            with self._watch.board.folding(fact.video_id, place.topic, place.partition, place.offset, generation):
                folded = fold(stored.state, fact, place.offset, self._context())
            if stored.is_suspect:
                await self._watch.survived(place.topic, place.partition, [place.offset])
            if folded.state is None or folded.state is stored.state:
                count_ignored(fact, folded)
                return stored.outcome, stored
            with spans.span("write state"):
                is_written = await self._outcomes.replace(fact.video_id, stored.state, folded.state, folded.outcome)
            if is_written:
                count_ignored(fact, folded)
                count_cost(stored.outcome, folded.outcome)
                count_decision(stored.outcome, folded.outcome)
                count_warnings(stored.state, folded.state)
                return stored.outcome, _after(stored, folded)

    async def _register_deadline(self, fact: Accepted, stored: StoredVideo) -> None:
        state = stored.state
        if state is None or state.accepted is None or state.revision != fact.revision or state.status != "pending":
            return
        due = state.accepted.deadline_unix_seconds
        with spans.span("register deadline"):
            await self._deadlines.register(Deadline(fact.video_id, fact.revision, due))

    def _observe(self, fact: Fact, before: Outcome | None, stored: StoredVideo) -> None:
        """Observe the delay, now that the outcome is published."""
        now_unix_seconds = self._clock.now_unix_seconds()
        if isinstance(fact, EngagementSummary):
            metrics.ENGAGEMENT_AGE_SECONDS.observe(max(0.0, now_unix_seconds - fact.event_unix_seconds))
        if stored.state is not None and stored.state.accepted is not None:
            observe_delay(before, stored.outcome, stored.state.accepted.lane, now_unix_seconds)

    def _context(self) -> FoldContext:
        ruleset = self._ruleset
        now_unix_seconds = self._clock.now_unix_seconds()
        return FoldContext(ruleset.policy, ruleset.prices, ruleset.log_generation, now_unix_seconds, _decide)


def _decide(*asked: Any) -> Decision:
    with spans.span("policy"):
        return decide(*asked)


def _skip(record: Record, cause: str, message: str) -> None:
    metrics.EVENTS_SKIPPED.labels("verdict", cause).inc()
    _log.warning("record skipped", cause=cause, error=message, place=record.place)


def _after(stored: StoredVideo, folded: Folded) -> StoredVideo:
    if folded.outcome is None:
        if folded.state is not None and folded.state.is_forgotten:
            is_known = stored.state is not None and stored.state.version == folded.state.version
            return StoredVideo(folded.state, None, is_known and stored.is_published)
        return StoredVideo(folded.state, stored.outcome, stored.is_published)
    return StoredVideo(folded.state, folded.outcome, is_published=False)
