"""How far a deletion that waits in a gap reaches: which revision, and what of it, may not be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.codec import encode
from schemas.facts import Deleted
from schemas.outcomes import Verdict
from streams.store.compression import decoded_or_none
from streams.store.deletion_reading import DeletionReading
from streams.store.gap import Gap, number_of, seconds_of, text_of
from streams.store.stored_case import spell

_VERDICT_DECODER: Final = msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What of a video had to go with its deletion; what of it lives was uploaded after the deletion."""

    verdict: bool
    evidence: bool
    """Features, embeddings, and what follows them."""


def joined_deletion(first: Deleted | None, second: Deleted) -> Deleted:
    """One deletion that reaches what either reaches."""
    if first is None:
        return second
    placed = max(
        (each for each in (first, second) if each.before is not None),
        key=lambda each: each.event_unix_seconds,
        default=second,
    )
    return replace(
        second,
        revision=max(first.revision, second.revision),
        before=placed.before,
        event_unix_seconds=placed.event_unix_seconds,
    )


def reach_of(deletion: Deleted | None, known: tuple[Mapping[bytes, bytes], bytes | None]) -> int:
    """Up to which revision a video is gone; by the broker's times, as the state with the places of its uploads cannot
    be relied on."""
    status, verdict = known
    outcome, registered = decode_verdict(verdict), number_of(text_of(status.get(b"revision", b"")))
    if deletion is None:  # what was folded before it is gone; what intake alone knows may have come after it
        return max(outcome.version.revision if outcome else 0, registered if b"offset" in status else 0)
    if deletion.before is None:
        return deletion.revision
    uploads = [(registered, seconds_of(text_of(status.get(b"uploaded_unix_seconds", b""))))]
    if outcome is not None:  # of another revision than the status, where intake registered a newer one
        uploads.append((outcome.version.revision, outcome.uploaded_unix_seconds))
    reached = (revision for revision, at in uploads if at <= deletion.event_unix_seconds)
    return max((deletion.revision, *reached))


def hidden_by(dead: int, gap: Gap, outcome: Verdict | None) -> Hidden:
    """Return what has to go of a video that is gone up to a revision."""
    is_gone = outcome is None or outcome.version.revision <= dead
    # What was said in the gap has no evidence: the other fields are of what was folded before.
    is_said = outcome is not None and spell(outcome.version) == gap.said
    return Hidden(verdict=is_gone, evidence=is_gone or is_said)


def reading_of(deletion: Deleted | None, dead: int) -> bytes:
    """Return what readers find of the deletion; empty where nothing is known of it."""
    if deletion is None:
        return b""
    reading = DeletionReading(
        revision=dead, withdrawn_revision=dead, before=deletion.before, warnings=deletion.warnings
    )
    return encode(reading)


def decode_verdict(value: bytes | None) -> Verdict | None:
    """Decode a verdict as readers see it; None if it is invalid."""
    return decoded_or_none(_VERDICT_DECODER, value)
