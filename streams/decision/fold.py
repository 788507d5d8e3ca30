"""The fold: a pure function from a state and the next fact to the next state and possibly an outcome.

An outcome is made:

1. with the `accepted` of a new revision: pending, or final at once if all its signals arrived before;
2. when the last expected modality answers: final;
3. when the deadline passes first: provisional, naming missing modalities;
4. after 2 or 3, with each signal that replaces another one: an amendment under a higher version;
5. after 2 or 3, with each newer engagement summary;
6. with each newer review by a person, even before anything else is decided;
7. after 2 or 3, with each `policy` fact: the same signals, decided again.

Whether a fact produces an outcome depends only on facts, not on the policy, so that a rebuild under another policy
yields the same versions.

A deletion makes a version, too, but no outcome: the last outcome is withdrawn, and a deletion marker remains. It is
compared by its log position among the uploads, not by its position in the log of facts. An upload from before it that
is accepted later is deleted on arrival, and so are all revisions up to it; an upload from after it that was accepted
earlier remains.

Signals between 1 and 2 change the state and are not published one by one, because a verdict from half of the evidence
would change repeatedly. For an early answer an upload can have a short deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from msgspec.structs import replace

from schemas.engagement import Engagement, EngagementKind, EngagementWindow
from schemas.facts import (
    Accepted,
    DeadlinePassed,
    Deleted,
    EngagementSummary,
    Fact,
    PolicyChanged,
    Review,
    Signal,
)
from schemas.outcomes import Outcome, Version
from streams.decision.deletions import Deletion, Deletions, is_deleted, is_uploaded_after, with_deletion
from streams.decision.order import OffsetsOutOfOrder
from streams.decision.outcome import FoldContext, make_outcome
from streams.decision.state import MAX_WAITING_REVISIONS, Signals, VideoState, with_signal
from streams.decision.warned import with_warnings

IgnoredCause = Literal[
    "already-applied",  # redelivered, or sent twice under one offset
    "no-state",  # about a video without any other fact
    # a review, a policy fact, or a deadline (registered again with `accepted`), of a revision that is not accepted yet
    "not-accepted",
    "older-revision",
    "known-revision",  # accepted again; the first acceptance stays
    "not-better",  # a signal that does not beat its modality's winner
    "facts-gone",  # of a revision whose outcome a rebuild kept without its facts
    "too-many-waiting",  # a signal that would wait for an `accepted` while signals of higher revisions do
    "already-decided",  # a deadline after the final verdict
    "already-fired",  # a repeated deadline
    "forgotten",  # about a deleted revision, or a repeated deletion
    "older-summary",  # an engagement summary that is not newer than the one in the state
    "still-pending",  # a policy fact before the first decision, which will use the policy anyway
    "older-review",  # a review that is not newer than the one in the state
]
"""Reasons why a fact changed nothing but the applied offset."""

_NEVER = -1


@dataclass(frozen=True, slots=True)
class Folded:
    """Result of folding one fact."""

    state: VideoState | None
    """The same object as the input if nothing is to be written."""
    outcome: Outcome | None = None
    ignored: IgnoredCause | None = None


def fold(state: VideoState | None, fact: Fact, offset: int, context: FoldContext) -> Folded:
    """Fold one fact.

    Args:
        state: the result of the facts before it; None if there were none.
        fact: a record of the log.
        offset: offset of the record in its partition of the log.
        context: policy, prices, log epoch and time.
    """
    if state is not None and (context.log_generation, offset) <= (state.log_generation, state.applied_offset):
        return Folded(state, ignored="already-applied")
    if state is None and not isinstance(fact, Accepted | Signal | Deleted):
        return Folded(None, ignored="no-state")
    before = with_warnings(state or VideoState(log_generation=context.log_generation, applied_offset=_NEVER), fact)
    changed = _change(before, fact, offset, context)
    if isinstance(changed, str):
        return Folded(_at(before, offset, context), ignored=changed)
    after = _at(changed, offset, context)
    if isinstance(fact, Deleted | Accepted) and after.is_forgotten:
        return Folded(replace(after, version=_version(after, offset, context)))
    if after.accepted is None or not _is_worth_saying(before, after, fact):
        return Folded(after)
    version = _version(after, offset, context)
    return Folded(replace(after, version=version), make_outcome(after, after.accepted, version, context))


def fold_next(state: VideoState | None, fact: Fact, offset: int, context: FoldContext) -> Folded:
    """Fold one fact for a caller that reads the log in order.

    Raises:
        OffsetsOutOfOrder: a later fact was folded already, so this one would change nothing.
    """
    folded = fold(state, fact, offset, context)
    if folded.ignored == "already-applied":
        assert state is not None
        told = f"offset {offset} of {fact.video_id!r} was folded after offset {state.applied_offset}"
        raise OffsetsOutOfOrder(told)
    return folded


def _version(state: VideoState, offset: int, context: FoldContext) -> Version:
    return Version(revision=state.revision, generation=context.log_generation, offset=offset)


def _change(state: VideoState, fact: Fact, offset: int, context: FoldContext) -> VideoState | IgnoredCause:
    match fact:
        case Accepted():
            return _accept(state, fact)
        case Signal():
            return _hear(state, fact)
        case DeadlinePassed():
            return _expire(state, fact)
        case EngagementSummary():
            return _engage(state, fact)
        case Deleted():
            return _forget(state, fact, offset, context)
        case Review():
            return _review(state, fact)
        case PolicyChanged():
            return _judge_again(state, fact)


def _accept(state: VideoState, fact: Accepted) -> VideoState | IgnoredCause:
    if is_deleted(state.deletions, fact.source):
        return _bury(state, fact.revision)
    if state.is_forgotten and fact.revision <= state.revision:
        return "forgotten"
    if fact.revision <= state.revision:
        return _accept_again(state, fact) if fact.revision == state.revision else "older-revision"
    return replace(
        state,
        accepted=fact,
        is_uploaded_elsewhere=False,
        signals=state.waiting.get(fact.revision, {}),
        waiting={revision: signals for revision, signals in state.waiting.items() if revision > fact.revision},
        is_deadline_fired=False,
        review=None,
        forgotten_revision=0,
        withdrawn_revision=0,
    )


def _accept_again(state: VideoState, fact: Accepted) -> VideoState | IgnoredCause:
    """Keep the first acceptance, unless a deletion between two uploads of the revision deletes it."""
    if state.accepted is None or state.is_uploaded_elsewhere:
        return "known-revision"
    known = state.accepted.source
    if not known.has_order_with(fact.source):
        return replace(state, is_uploaded_elsewhere=True)
    if known.offset <= fact.source.offset:
        return "known-revision"
    return replace(state, accepted=replace(state.accepted, source=fact.source))


def _bury(state: VideoState, revision: int) -> VideoState | IgnoredCause:
    """Delete a revision that was uploaded before a known deletion, and all lower ones."""
    if revision < state.revision or (state.is_forgotten and revision == state.forgotten_revision):
        return "forgotten"
    return _forgotten(replace(state, withdrawn_revision=max(revision, state.withdrawn_revision)), revision)


def _hear(state: VideoState, fact: Signal) -> VideoState | IgnoredCause:
    if fact.revision > state.revision:
        return _wait(state, fact)
    if state.is_forgotten:
        return "forgotten"
    if fact.revision < state.revision:
        return "older-revision"
    if state.accepted is None:
        return "facts-gone"
    signals = with_signal(state.signals, fact)
    return "not-better" if signals is state.signals else replace(state, signals=signals)


def _wait(state: VideoState, fact: Signal) -> VideoState | IgnoredCause:
    known: Signals = state.waiting.get(fact.revision, {})
    signals = with_signal(known, fact)
    if signals is known:
        return "not-better"
    waiting = {**state.waiting, fact.revision: signals}
    kept = sorted(waiting)[-MAX_WAITING_REVISIONS:]
    if fact.revision not in kept:
        return "too-many-waiting"
    return replace(state, waiting={revision: waiting[revision] for revision in kept})


def _expire(state: VideoState, fact: DeadlinePassed) -> VideoState | IgnoredCause:
    if fact.revision != state.revision:
        return "older-revision" if fact.revision < state.revision else "not-accepted"
    if state.accepted is None:
        return "forgotten" if state.is_forgotten else "facts-gone"
    if state.is_complete:
        return "already-decided"
    return "already-fired" if state.is_deadline_fired else replace(state, is_deadline_fired=True)


def _engage(state: VideoState, fact: EngagementSummary) -> VideoState | IgnoredCause:
    if state.accepted is None:
        return "forgotten" if state.is_forgotten else "facts-gone"
    engagement = Engagement(
        counts=cast("dict[EngagementKind, int]", fact.counts),
        watch_seconds=fact.watch_seconds,
        windows=cast("dict[EngagementWindow, dict[EngagementKind, float]]", fact.windows),
        rates=fact.rates,
        as_of_unix_seconds=fact.event_unix_seconds,
    )
    if state.engagement and (_knowledge(engagement) < _knowledge(state.engagement) or engagement == state.engagement):
        return "older-summary"
    return replace(state, engagement=engagement)


def _knowledge(engagement: Engagement) -> tuple[float, int]:
    """Return a value that grows with every event: late events do not change the time, so counts decide which summary is
    newer."""
    return engagement.as_of_unix_seconds, sum(engagement.counts.values())


def _review(state: VideoState, fact: Review) -> VideoState | IgnoredCause:
    if fact.revision != state.revision:
        return "older-revision" if fact.revision < state.revision else "not-accepted"
    if state.accepted is None:
        return "forgotten" if state.is_forgotten else "facts-gone"
    if state.review and fact.event_unix_seconds <= state.review.event_unix_seconds:
        return "older-review"
    return replace(state, review=fact)


def _judge_again(state: VideoState, fact: PolicyChanged) -> VideoState | IgnoredCause:
    if fact.revision != state.revision:
        return "older-revision" if fact.revision < state.revision else "not-accepted"
    if state.accepted is None:
        return "forgotten" if state.is_forgotten else "facts-gone"
    return "still-pending" if state.status == "pending" else state


def _forget(state: VideoState, fact: Deleted, offset: int, context: FoldContext) -> VideoState | IgnoredCause:
    deletions = _deletions_after(state, fact, offset, context)
    is_news = deletions is not state.deletions
    dead = max(fact.revision, state.revision) if is_news and not _outlives(state, fact) else fact.revision
    if dead < state.revision and is_news:
        return replace(state, deletions=deletions)
    if dead < state.revision:
        return "forgotten" if state.is_forgotten else "older-revision"
    if dead == state.revision and state.is_forgotten and not is_news:
        return "forgotten"
    return _forgotten(replace(state, deletions=deletions), dead)


def _deletions_after(state: VideoState, fact: Deleted, offset: int, context: FoldContext) -> Deletions:
    if fact.before is None:
        return state.deletions
    deletion = Deletion(before=fact.before, log_generation=context.log_generation, log_offset=offset)
    return with_deletion(state.deletions, deletion)


def _outlives(state: VideoState, fact: Deleted) -> bool:
    """Return whether all uploads of the current revision came after the deletion."""
    if state.accepted is None or fact.before is None or state.is_uploaded_elsewhere:
        return False
    return is_uploaded_after(state.accepted, fact.before)


def _forgotten(state: VideoState, revision: int) -> VideoState:
    known_revision = state.accepted.revision if state.accepted else state.sealed_revision
    return VideoState(
        log_generation=state.log_generation,
        applied_offset=state.applied_offset,
        waiting={waiting: signals for waiting, signals in state.waiting.items() if waiting > revision},
        forgotten_revision=revision,
        withdrawn_revision=max(known_revision, state.withdrawn_revision),
        deletions=state.deletions,
        deletion_warnings=state.deletion_warnings,
    )


def _is_worth_saying(before: VideoState, after: VideoState, fact: Fact) -> bool:
    if isinstance(fact, PolicyChanged):
        return True
    if after.revision != before.revision or after.review is not before.review:
        return True
    is_changed = (
        after.signals is not before.signals
        or after.is_deadline_fired is not before.is_deadline_fired
        or after.engagement is not before.engagement
    )
    return is_changed and after.status != "pending"


def _at(state: VideoState, offset: int, context: FoldContext) -> VideoState:
    return replace(state, log_generation=context.log_generation, applied_offset=offset)
