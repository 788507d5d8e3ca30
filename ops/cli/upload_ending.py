"""The result of one published upload according to Redis: for `publish --wait`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.errors import InvalidEvent
from schemas.outcomes import Verdict
from schemas.warnings import EventWarning, decode_warnings
from streams.kafka.readers_topics import decode_verdict
from streams.store.deletion_reading import DeletionReading, read_deletion
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type
from streams.store.refusal_reading import Refusal, read_refusals

EndingWord = Literal["final", "refused", "superseded", "deleted"]


@dataclass(frozen=True, slots=True)
class PublishedUpload:
    """An upload that the broker confirmed."""

    video_id: str
    revision: int
    topic: str
    partition: int
    offset: int
    earlier: StatusReading
    """State of the video before the upload was published."""


@dataclass(frozen=True, slots=True)
class StatusReading:
    """The status hash; all fields are empty for an unknown video."""

    status: str = ""
    revision: int = 0
    version: tuple[str, str] = ("", "")
    """Generation and offset of the fact that decided last."""
    has_failures: bool = False
    warnings: tuple[EventWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderReading:
    """What Redis has for the sender of one video."""

    status: StatusReading
    verdict: Verdict | None
    refusals: tuple[Refusal, ...]
    deletion: DeletionReading | None


@dataclass(frozen=True, slots=True)
class Ending:
    """Result of an upload."""

    word: EndingWord
    verdict: Verdict | None = None
    refusals: tuple[Refusal, ...] = ()
    """Refusals of this upload; together with a final verdict if its media was refused."""
    deletion: DeletionReading | None = None
    warnings: tuple[EventWarning, ...] = ()
    """Warnings about the revision; they are no failure."""

    @property
    def is_good(self) -> bool:
        """Whether all of it was accepted and decided."""
        return self.word == "final" and not self.refusals


async def read_for_sender(redis: ReadsStore, keys: Keys, video_id: str) -> SenderReading:
    """Read a video, its status first: refusals of its media are written before the verdict is final.

    Keys that cannot be read are left out.
    """
    status = _status(await _readable(redis.hgetall, keys.status(video_id)) or {})
    return SenderReading(
        status=status,
        verdict=_verdict(await _readable(redis.get, keys.verdict(video_id))) if status.status == "final" else None,
        refusals=await read_refusals(redis, keys, video_id),
        deletion=await read_deletion(redis, keys, video_id),
    )


async def _readable(read: Callable[[str], Any], key: str) -> Any:
    try:
        return await read(key)
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return None


def _verdict(value: bytes | None) -> Verdict | None:
    try:
        return None if value is None else decode_verdict(value)
    except InvalidEvent:
        return None


def ending_of(upload: PublishedUpload, reading: SenderReading) -> Ending | None:
    """Return the result of the upload; None while it is open.

    A revision that was final before it was published again counts as decided, unless a part of it had failed: that part
    is tried again, and changes the verdict or is refused again.
    """
    refusals = tuple(refusal for refusal in reading.refusals if _is_of(refusal, upload))
    if any(refusal.role == "intake" for refusal in refusals):
        return Ending("refused", refusals=refusals)
    status = reading.status
    if status.revision > upload.revision:
        return Ending("superseded", reading.verdict, refusals)
    if status.revision < upload.revision:
        return _deleted(upload, reading.deletion)
    if (
        reading.verdict is None
        or status.status != "final"
        or (_is_unchanged(status, upload.earlier) and status.has_failures and not refusals)
    ):
        return None
    return Ending("final", reading.verdict, refusals, warnings=status.warnings)


def _deleted(upload: PublishedUpload, deletion: DeletionReading | None) -> Ending | None:
    if deletion is None or deletion.revision < upload.revision:
        return None
    return Ending("deleted", deletion=deletion)


def _is_unchanged(status: StatusReading, earlier: StatusReading) -> bool:
    return (status.revision, status.version) == (earlier.revision, earlier.version)


def _is_of(refusal: Refusal, upload: PublishedUpload) -> bool:
    place = refusal.upload
    return (place.topic, place.partition, place.offset) == (upload.topic, upload.partition, upload.offset)


def _status(fields: Mapping[bytes, bytes]) -> StatusReading:
    said = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
    revision = said.get("revision", "")
    return StatusReading(
        status=said.get("status", ""),
        revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 20 else 0,
        version=(said.get("log_generation", ""), said.get("offset", "")),
        has_failures=bool(said.get("failed")),
        warnings=decode_warnings(said.get("warnings")),
    )
