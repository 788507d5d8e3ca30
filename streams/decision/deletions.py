"""Deletions by log position: a deletion covers everything that was uploaded before it, if positions can be compared.

Two positions compare within one partition of one topic. Otherwise the order of the log of facts decides: facts before
the deletion are deleted, facts after it are not.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from schemas.facts import Accepted, SourceOffset

MAX_DELETIONS: Final = 8
"""Number of partitions whose last deletion is remembered. A video has one partition, and another one for each
partitioner, partition count or topic that its events were ever sent by."""


class Deletion(Struct, frozen=True, kw_only=True):
    """The last deletion in one partition of the uploads."""

    before: SourceOffset
    """Log position of the event."""
    log_generation: int
    """Epoch of the log of facts."""
    log_offset: int
    """Offset of the fact; outcomes below it were published before it was folded."""


Deletions = tuple[Deletion, ...]
"""At most one per partition, the last folded one at the end."""


def with_deletion(deletions: Deletions, deletion: Deletion) -> Deletions:
    """Add a deletion. Returns the same object if this or a later one of its partition is known."""
    known = _of_partition(deletions, deletion.before)
    if known is not None and known.before.offset >= deletion.before.offset:
        return deletions
    return (*(other for other in deletions if other is not known), deletion)[-MAX_DELETIONS:]


def is_deleted(deletions: Deletions, upload: SourceOffset) -> bool:
    """Return whether a known deletion came after an upload."""
    known = _of_partition(deletions, upload)
    return known is not None and upload.offset <= known.before.offset


def is_uploaded_after(accepted: Accepted, deletion: SourceOffset) -> bool:
    """Return whether a known upload came after a deletion; False if their positions do not compare."""
    return accepted.source.has_order_with(deletion) and accepted.source.offset > deletion.offset


def _of_partition(deletions: Deletions, place: SourceOffset) -> Deletion | None:
    return next((deletion for deletion in deletions if deletion.before.has_order_with(place)), None)
