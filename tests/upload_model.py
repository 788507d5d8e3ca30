"""What uploads and deletions of one video come to: two models that know nothing of the fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.facts import Accepted, Deleted, Fact, SourceOffset


@dataclass(frozen=True)
class Life:
    """How a video ends."""

    living_revision: int
    """0 where none lives."""
    dead_revision: int
    """Up to and with this one all is dead; only told where none lives."""


def in_order_of_uploads(events: Iterable[Accepted | Deleted], places: Iterable[int]) -> Life:
    """One event after another, as the topic of uploads holds them; `places` are the offsets of the events."""
    newest = guard = 0
    for _, event in sorted(zip(places, events, strict=True), key=lambda placed: placed[0]):
        if isinstance(event, Accepted):
            newest = max(newest, event.revision) if event.revision > guard else newest
        elif event.before is None:
            guard = max(guard, event.revision)
        else:
            guard = max(guard, event.revision, newest)
    return _life(newest, guard)


def as_sets(facts: Sequence[Fact]) -> Life:
    """By sets of uploads and deletions, some of whose places have no order: then that of the log of facts counts."""
    uploads = [(turn, fact) for turn, fact in enumerate(facts) if isinstance(fact, Accepted)]
    deletions = [(turn, fact) for turn, fact in enumerate(facts) if isinstance(fact, Deleted)]
    speaking = [
        (turn, deletion.before)
        for turn, deletion in deletions
        if deletion.before is not None and not _is_spoken_for(deletion.before, turn, deletions)
    ]
    dead = max((deletion.revision for _, deletion in deletions), default=0)
    for turn, upload in uploads:
        if any(_is_before(upload.source, turn, place, other) for other, place in speaking):
            dead = max(dead, upload.revision)
    return _life(max((upload.revision for _, upload in uploads), default=0), dead)


def _is_spoken_for(place: SourceOffset, turn: int, deletions: Iterable[tuple[int, Deleted]]) -> bool:
    """Whether this or a later deletion of the partition was in the log before."""
    known = [other.before for earlier, other in deletions if earlier < turn and other.before is not None]
    return any(_same_log(other, place) and other.offset >= place.offset for other in known)


def _is_before(upload: SourceOffset, upload_turn: int, deletion: SourceOffset, deletion_turn: int) -> bool:
    if _same_log(upload, deletion):
        return upload.offset <= deletion.offset
    return upload_turn < deletion_turn


def _same_log(one: SourceOffset, other: SourceOffset) -> bool:
    return (one.topic, one.topic_id, one.partition) == (other.topic, other.topic_id, other.partition)


def _life(newest: int, dead: int) -> Life:
    return Life(newest, 0) if newest > dead else Life(0, dead)
