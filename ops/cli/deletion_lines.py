"""Text about a video's deletion, the same in every command."""

from __future__ import annotations

from schemas.facts import SourceOffset
from streams.store.deletion_reading import DeletionReading


def describe_place(place: SourceOffset) -> str:
    """Return a log position as text."""
    return f"{place.topic}/{place.partition}@{place.offset}"


def describe_deletion(deletion: DeletionReading) -> str:
    """Return one line for the last deletion of a video."""
    told = [f"deletion at {describe_place(deletion.before)}"] if deletion.before else ["deletion by revision"]
    if deletion.revision == 0:
        told.append("the current revision was uploaded after it")
    else:
        told.append(f"forgotten up to revision {deletion.revision}")
        told.append(_withdrawn(deletion))
    return ", ".join(told)


def _withdrawn(deletion: DeletionReading) -> str:
    if deletion.withdrawn_revision == 0:
        return "nothing was known of the video"
    return f"revision {deletion.withdrawn_revision} was withdrawn"
