"""The event with which everything begins: a producer says that a video was uploaded."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.identity import Lane, Market, Revision, UnixSeconds, VideoId

MAX_UPLOAD_BYTES = 4 * 1024 * 1024
"""Largest upload event that is read; the topic refuses larger ones too."""

Title = Annotated[str, Meta(max_length=5_000)]
Description = Annotated[str, Meta(max_length=100_000)]
Hashtag = Annotated[str, Meta(max_length=200)]
Hashtags = Annotated[tuple[Hashtag, ...], Meta(max_length=100)]
Creator = Annotated[str, Meta(max_length=200)]
BudgetSeconds = Annotated[
    float, Meta(gt=0.0, le=7 * 86_400.0, description="Time from the broker's timestamp to the decision.")
]


class FileSource(Struct, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """Media that lies on a file system which the workers see."""

    path: Annotated[str, Meta(min_length=1, max_length=4_096)]
    """Absolute, or relative to an allowed root; must resolve to a regular file below an allowed root."""


MediaSource = FileSource
"""Where media lies. Further kinds (object stores, URLs) join here as members of a tagged union."""


class VideoUploaded(Struct, frozen=True, kw_only=True):
    """A video was uploaded, or its content or text changed under a higher revision."""

    video_id: VideoId
    source: MediaSource
    revision: Revision = 1
    title: Title = ""
    description: Description = ""
    hashtags: Hashtags = ()
    creator_id: Creator | None = None
    market: Market | None = None
    lane: Lane = "live"
    deadline_seconds: BudgetSeconds | None = None
    """Decision budget; a worker's default applies where it is absent."""
    uploaded_unix_seconds: UnixSeconds | None = None
    """The producer's own time of the upload; the broker's timestamp is what deadlines count from."""
