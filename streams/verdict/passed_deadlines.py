"""Passed deadlines: an undecided video gets its fact, a decided one needs none, one that is not accepted waits."""

from __future__ import annotations

import structlog

from schemas.codec import event_headers
from schemas.facts import Accepted, DeadlinePassed
from schemas.topics import SIGNALS
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.store.deadlines import Deadline, Deadlines
from streams.store.outcomes import Outcomes
from streams.store.stored_case import UnreadableState
from streams.verdict.due_claim import CLAIM_SECONDS, held
from streams.verdict.publishing import SOURCE, EventPublisher

_log = structlog.get_logger(__name__)


class PassedDeadlines:
    """Publishes a fact for each decision budget that has ended.

    Final, superseded and deleted revisions need no fact. A revision that is not accepted yet gets none either, because
    a fact before its `accepted` would change nothing: it stays registered, and each check of it is counted. Folding
    `accepted` registers the deadline again, and the next poll publishes it.

    Args:
        outcomes: the fold's view of each video.
        deadlines: where the claims are registered.
        publisher: publishes the facts.
        clock: for their timestamps.
    """

    def __init__(self, outcomes: Outcomes, deadlines: Deadlines, publisher: EventPublisher, clock: Clock) -> None:
        self._outcomes = outcomes
        self._deadlines = deadlines
        self._publisher = publisher
        self._clock = clock
        self._told_seconds = -CLAIM_SECONDS

    async def fire(self, claimed: Deadline) -> Deadline | None:
        """Handle one claimed entry; see `streams.verdict.due_poller.Fire`."""
        try:
            state = (await self._outcomes.read(claimed.video_id)).state
        except UnreadableState:
            # Published in any case: folding it triggers the refold of the state.
            return await held(claimed, self._deadlines, self._clock, self._say(_passed(claimed)))
        if state is None or state.revision < claimed.revision:
            self._count_unaccepted(claimed)
            return None
        if state.accepted is None or state.revision > claimed.revision or state.status != "pending":
            return claimed
        return await held(claimed, self._deadlines, self._clock, self._say(_fact(state.accepted)))

    async def _say(self, fact: DeadlinePassed) -> None:
        with spans.span("deadline"):  # starts a trace: an entry contains its video, not its trace
            headers = event_headers(
                fact, event_id=f"{fact.video_id}:{fact.revision}:deadline", source=SOURCE,
                now_unix_seconds=self._clock.now_unix_seconds(), span=spans.traceparent(),
            )  # fmt: skip
            await self._publisher.publish(SIGNALS, fact.video_id, fact, headers=headers)
        metrics.DEADLINES_FIRED.inc()

    def _count_unaccepted(self, claimed: Deadline) -> None:
        """Count it; log one of them per round."""
        metrics.DEADLINES_WITHOUT_ACCEPTANCE.inc()
        now_seconds = self._clock.monotonic_seconds()
        if now_seconds - self._told_seconds >= CLAIM_SECONDS:
            self._told_seconds = now_seconds
            _log.warning(
                "deadline passed before the upload was accepted, perhaps others too",
                video_id=claimed.video_id, revision=claimed.revision,
            )  # fmt: skip


def _fact(accepted: Accepted) -> DeadlinePassed:
    return DeadlinePassed(
        video_id=accepted.video_id,
        revision=accepted.revision,
        deadline_unix_seconds=accepted.deadline_unix_seconds,
    )


def _passed(claimed: Deadline) -> DeadlinePassed:
    """Return the fact; the claim contains no more than that the deadline was due."""
    return DeadlinePassed(
        video_id=claimed.video_id, revision=claimed.revision, deadline_unix_seconds=claimed.due_unix_seconds
    )
