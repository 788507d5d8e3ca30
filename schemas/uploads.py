"""The events of producers: a video was uploaded, or is to be deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.identity import Lane, Market, Revision, UnixSeconds, VideoId
from schemas.patterns import END, NO_CONTROL

MAX_UPLOAD_BYTES = 4 * 1024 * 1024
"""Largest upload event; the topic refuses larger ones, too."""

MAX_DEADLINE_SECONDS = 7 * 86_400.0
"""Longest decision budget; the log of facts is kept longer."""

MAX_TITLE_CHARACTERS = 5_000
MAX_DESCRIPTION_CHARACTERS = 100_000
MAX_HASHTAG_CHARACTERS = 200
MAX_HASHTAGS = 100
"""More or longer hashtags are accepted with a warning, and analysed: refusing the event would let a video go unanalysed
because of its text. The record's own size limit applies."""

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
    """Media on a file system that the workers can access."""

    path: Annotated[str, Meta(min_length=1, max_length=4_096)]
    """Absolute, or relative to an allowed root; must resolve to a regular file below an allowed root."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole file is read for it."""
    size_bytes: MediaBytes | None = None
    """Verified if given."""


class UrlSource(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="url"):
    """Media at an http or https address of the producer's choice; an address guard checks it."""

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
    """May contain a signature in its query, which is never logged or shown."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole object is fetched for it."""
    size_bytes: MediaBytes | None = None
    """Verified if given."""


class ObjectSource(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="object"):
    """Media in an object store for which the workers have credentials."""

    url: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=4_096,
            pattern=_OBJECT_PATTERN,
            extra={"allowed": "s3://bucket/key, gs://bucket/key or az://container/key; http addresses are of kind url"},
        ),
    ]
    """`s3://bucket/key`, `gs://bucket/key` or `az://container/key`; must be below an allowed prefix."""
    etag: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Verified if given, without fetching the whole object."""
    sha256: Sha256 | None = None
    """Verified before anything is decoded; the whole object is fetched for it."""
    size_bytes: MediaBytes | None = None
    """Verified if given."""


MediaSource = FileSource | UrlSource | ObjectSource
"""Source of the media."""


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
    """Decision budget; the worker's default applies if it is absent."""
    uploaded_unix_seconds: UnixSeconds | None = None
    """The producer's own time of the upload; deadlines count from the broker's timestamp."""


class DeletionRequested(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Requests the deletion of a video; it is on the topic of uploads, so that it has an order among them."""

    video_id: VideoId
    deleted: Literal[True]
    """Distinguishes this event from an upload."""
    revision: Revision | None = None
    """Up to and including this one; without it, every revision that was uploaded before this event, and revision 1. A
    higher one that is uploaded later is a new video."""
    reason: Annotated[str, Meta(max_length=1_000)] = ""
