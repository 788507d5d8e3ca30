"""Deletions by place: "all that was uploaded before this event", as far as places can be compared.

Two places compare within one partition of one topic. Where they do not, the order of the log of facts decides: what it
holds before the deletion is dead, what it holds after it is not.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from schemas.facts import Accepted, SourceOffset

MAX_DELETIONS: Final = 8
"""Partitions of which the last deletion is remembered; a video has one, and one more for each partitioner, partition
count or topic that its events ever went by."""


class Deletion(Struct, frozen=True, kw_only=True):
    """The last deletion of one partition of the uploads."""

    before: SourceOffset
    """Place of the event."""
    log_generation: int
    """Of the log of facts."""
    log_offset: int
    """Of the fact; outcomes below it were published before it was folded."""


Deletions = tuple[Deletion, ...]
"""At most one a partition, the one that was folded last at the end."""


def with_deletion(deletions: Deletions, deletion: Deletion) -> Deletions:
    """Remember a deletion. Returns the same object where this or a later one of its partition is known."""
    known = _of_partition(deletions, deletion.before)
    if known is not None and known.before.offset >= deletion.before.offset:
        return deletions
    return (*(other for other in deletions if other is not known), deletion)[-MAX_DELETIONS:]


def is_deleted(deletions: Deletions, upload: SourceOffset) -> bool:
    """Whether a deletion that is known already came after an upload."""
    known = _of_partition(deletions, upload)
    return known is not None and upload.offset <= known.before.offset


def is_uploaded_after(accepted: Accepted, deletion: SourceOffset) -> bool:
    """Whether an upload that is known already came after a deletion; False where their places do not compare."""
    return accepted.source.has_order_with(deletion) and accepted.source.offset > deletion.offset


def _of_partition(deletions: Deletions, place: SourceOffset) -> Deletion | None:
    return next((deletion for deletion in deletions if deletion.before.has_order_with(place)), None)
