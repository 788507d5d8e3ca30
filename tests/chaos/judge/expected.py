"""What the log of uploads says should be, folded in its order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge.evidence import Record

MISSING_MEDIA = "not-there"
"""Part of the path of media that do not exist."""


@dataclass
class Video:
    """What became of one video by its uploads and deletions."""

    revision: int = 0
    """The highest that was uploaded and not deleted before."""
    deleted_up_to: int = 0
    has_unnumbered_deletion: bool = False
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By revision, of the upload that counts."""
    media: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    """For people: every event, in the log's order."""

    @property
    def is_live(self) -> bool:
        """Whether its newest revision is not deleted."""
        return self.revision > self.deleted_up_to

    @property
    def has_missing_media(self) -> bool:
        """Whether the newest revision names media that do not exist."""
        return MISSING_MEDIA in json.dumps(self.media.get(self.revision, {}))


@dataclass(frozen=True, slots=True)
class Expected:
    """All videos, and the uploads that nobody can read."""

    videos: dict[str, Video]
    poison: dict[tuple[int, int], str]
    """By place, why."""


def expected_of(uploads: Sequence[Record]) -> Expected:
    """Fold the uploads."""
    videos: dict[str, Video] = {}
    poison: dict[tuple[int, int], str] = {}
    for record in uploads:
        try:
            event = json.loads(record.value or b"")
        except ValueError:
            poison[record.place] = "not JSON"
            continue
        if event["video_id"].encode() != record.key:
            poison[record.place] = "another key"
            continue
        video = videos.setdefault(event["video_id"], Video())
        (_delete if event.get("deleted") else _upload)(video, event, record)
    return Expected(videos, poison)


def _upload(video: Video, event: dict[str, Any], record: Record) -> None:
    revision = int(event.get("revision", 1))
    video.events.append(f"{record.offset}: upload {revision}")
    if revision > max(video.revision, video.deleted_up_to):
        video.revision = revision
        video.places[revision] = record.place
        video.media[revision] = event["source"]


def _delete(video: Video, event: dict[str, Any], record: Record) -> None:
    named = event.get("revision")
    video.events.append(f"{record.offset}: delete {named or 'all before'}")
    video.has_unnumbered_deletion |= named is None
    video.deleted_up_to = max(video.deleted_up_to, named or max(1, video.revision))
