"""The events with which everything begins: a producer says that a video was uploaded, or that it is to be forgotten."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.identity import Lane, Market, Revision, UnixSeconds, VideoId
from schemas.patterns import END, NO_CONTROL

MAX_UPLOAD_BYTES = 4 * 1024 * 1024
"""Largest upload event that is read; the topic refuses larger ones too."""

MAX_DEADLINE_SECONDS = 7 * 86_400.0
"""Longest decision budget; the log of facts is kept longer."""

MAX_TITLE_CHARACTERS = 5_000
MAX_DESCRIPTION_CHARACTERS = 100_000
MAX_HASHTAG_CHARACTERS = 200
MAX_HASHTAGS = 100
"""What is longer or more is accepted, with a warning, and judged like the rest: a limit that refuses an event would let
a video go unseen for its text. The record's own limit stands."""

Creator = Annotated[str, Meta(max_length=200)]
BudgetSeconds = Annotated[
    float, Meta(gt=0.0, le=MAX_DEADLINE_SECONDS, description="Time from the broker's timestamp to the decision.")
]


Sha256 = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{64}" + END,
        description="SHA-256 of the media's bytes, lower-case hex.",
        extra={"allowed": "64 lower-case hexadecimal digits"},
    ),
]
_OBJECT_PATTERN = rf"^(s3|gs|az)://[^/{NO_CONTROL}]+/[^{NO_CONTROL}]+" + END
MediaBytes = Annotated[int, Meta(ge=1, le=2**53 - 1, description="Length of the media.")]


class FileSource(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="file"):
    """Media that lies on a file system which the workers see."""

    path: Annotated[str, Meta(min_length=1, max_length=4_096)]
    """Absolute, or relative to an allowed root; must resolve to a regular file below an allowed root."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole file is read for it."""
    size_bytes: MediaBytes | None = None
    """Verified where given."""


class UrlSource(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="url"):
    """Media behind an http or https address that anyone may name; an address guard stands before it."""

    url: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=8_192,
            pattern=r"^[hH][tT][tT][pP][sS]?://",
            extra={
                "allowed": "an address that begins with http:// or https://; s3://, gs:// and az:// are of kind object"
            },
        ),
    ]
    """May carry a signature in its query, which no log and no message shows."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole object is fetched for it."""
    size_bytes: MediaBytes | None = None
    """Verified where given."""


class ObjectSource(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="object"):
    """Media in an object store that the workers have credentials for."""

    url: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=4_096,
            pattern=_OBJECT_PATTERN,
            extra={"allowed": "s3://bucket/key, gs://bucket/key or az://container/key; http addresses are of kind url"},
        ),
    ]
    """`s3://bucket/key`, `gs://bucket/key` or `az://container/key`; must lie below an allowed prefix."""
    etag: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Verified where given, without fetching the whole object."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole object is fetched for it."""
    size_bytes: MediaBytes | None = None
    """Verified where given."""


MediaSource = FileSource | UrlSource | ObjectSource
"""Where media lies."""


class VideoUploaded(Struct, frozen=True, kw_only=True):
    """A video was uploaded, or its content or text changed under a higher revision."""

    video_id: VideoId
    source: MediaSource
    revision: Revision = 1
    title: str = ""
    description: str = ""
    hashtags: tuple[str, ...] = ()
    creator_id: Creator | None = None
    market: Market | None = None
    lane: Lane = "live"
    deadline_seconds: BudgetSeconds | None = None
    """Decision budget; a worker's default applies where it is absent."""
    uploaded_unix_seconds: UnixSeconds | None = None
    """The producer's own time of the upload; the broker's timestamp is what deadlines count from."""


class DeletionRequested(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video is to be forgotten; travels on the topic of uploads, so that it keeps its place among them."""

    video_id: VideoId
    deleted: Literal[True]
    """What tells this event from an upload."""
    revision: Revision | None = None
    """Up to and with this one; without it, every revision that was uploaded before this event, and revision 1. A higher
    one that is uploaded later is a new life."""
    reason: Annotated[str, Meta(max_length=1_000)] = ""
