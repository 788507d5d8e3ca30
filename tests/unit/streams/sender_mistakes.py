"""36 mistakes that producers make, and what their sender learns: the one table that test and page are made of."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Way = Literal["refused", "media", "warned", "client", "silent"]
"""refused: the event, with cause and message; media: in the verdict, by a failed modality; warned: accepted, with a
warning on the case; client: by the sender's own client or the broker, at once; silent: not at all."""

VIDEO_ID: Final = "v-1"
VALID: Final[dict[str, Any]] = {"video_id": VIDEO_ID, "source": {"kind": "file", "path": "good.mp4"}}


@dataclass(frozen=True)
class Mistake:
    """One of them."""

    name: str
    before: str
    """What a sender learned in release 65be254."""
    way: Way
    says: str
    """A part of what it learns now: of the message, or of the warning's."""
    value: Any = None
    """Of the record; what is not bytes is sent as JSON."""
    kind: str = ""
    """Cause of the refusal, or kind of the warning."""
    key: bytes | None = VIDEO_ID.encode()
    is_misplaced: bool = False
    after: tuple[dict[str, Any], ...] = field(default=())
    """Uploads that came before it."""


def _with(**fields: Any) -> dict[str, Any]:
    return {**VALID, **fields}


def _file(path: str, **fields: Any) -> dict[str, Any]:
    return _with(source={"kind": "file", "path": path, **fields})


_JSON: Final = json.dumps(VALID).encode()
_OLD: Final = "a dead letter with the validator's message"

MISTAKES: Final[tuple[Mistake, ...]] = (
    Mistake("no key", _OLD, "refused", "the record has no key", VALID, "event-invalid", key=None),
    Mistake(
        "key is not the id", _OLD, "refused", "allowed: the event's video_id, 'v-1'", VALID, "event-invalid", b"v-2"
    ),
    Mistake("no `source`", _OLD, "refused", "lacks the field 'source'", {"video_id": VIDEO_ID}, "event-invalid"),
    Mistake("`deadline_seconds: 0`", _OLD, "refused", "a number above 0", _with(deadline_seconds=0), "event-invalid"),
    Mistake("base64 of the JSON", _OLD, "refused", "base64 of JSON", base64.b64encode(_JSON), "event-not-json"),
    Mistake("market `de`", _OLD, "refused", "did you mean 'DE'?", _with(market="de"), "event-invalid"),
    Mistake("unicode in the id", _OLD, "refused", "A-Z a-z 0-9", _with(video_id="vidéo"), "event-invalid"),
    Mistake("`/` in the id", _OLD, "refused", "$.video_id is 'a/b'", _with(video_id="a/b"), "event-invalid"),
    Mistake("id is a number", _OLD, "refused", "$.video_id is 7", _with(video_id=7), "event-invalid"),
    Mistake(
        "camelCase",
        _OLD,
        "refused",
        "write videoId as video_id",
        {"videoId": VIDEO_ID, "source": VALID["source"]},
        "event-invalid",
    ),
    Mistake('revision `"2"`', _OLD, "refused", "write 2, without quotes", _with(revision="2"), "event-invalid"),
    Mistake("revision 0", _OLD, "refused", "a whole number from 1", _with(revision=0), "event-invalid"),
    Mistake(
        "wire bytes of a schema registry",
        _OLD,
        "refused",
        "schema registry (magic 0, schema id 42)",
        b"\0\0\0\0\x2a" + _JSON,
        "event-not-json",
    ),
    Mistake(
        "structured CloudEvent",
        _OLD,
        "refused",
        "CloudEvent in structured mode",
        {"specversion": "1.0", "id": "1", "type": "t", "source": "/a", "data": VALID},
        "event-invalid",
    ),
    Mistake("null value", _OLD, "refused", '"deleted": true', None, "event-invalid"),
    Mistake(
        "`s3://` as kind url",
        _OLD,
        "refused",
        "s3://, gs:// and az:// are of kind object",
        _with(source={"kind": "url", "url": "s3://b/k.mp4"}),
        "event-invalid",
    ),
    Mistake(
        "source is a text", _OLD, "refused", '{"kind": "file", "path": ...}', _with(source="/m/a.mp4"), "event-invalid"
    ),
    Mistake("JSON array", _OLD, "refused", "a record of its own", [VALID, VALID], "event-invalid"),
    Mistake(
        "file outside the roots",
        "in the verdict",
        "media",
        "is not below",
        _file("/etc/hostname"),
        "media-outside-roots",
    ),
    Mistake("missing file", "in the verdict", "media", "cannot be opened", _file("nowhere.mp4"), "media-missing"),
    Mistake(
        "path relative to the sender",
        "in the verdict",
        "media",
        "cannot be opened",
        _file("./videos/a.mp4"),
        "media-missing",
    ),
    Mistake("text file", "in the verdict", "media", "", _file("text.mp4"), "media-unreadable"),
    Mistake("wrong SHA-256", "in the verdict", "media", "", _file("good.mp4", sha256="0" * 64), "media-checksum"),
    Mistake(
        "loopback URL",
        "in the verdict",
        "media",
        "",
        _with(source={"kind": "url", "url": "http://127.0.0.1/a.mp4"}),
        "media-address-refused",
    ),
    Mistake(
        "S3 that is not allowed",
        "in the verdict",
        "media",
        "",
        _with(source={"kind": "object", "url": "s3://b/k.mp4"}),
        "media-address-refused",
    ),
    Mistake("2 MB by a client as it comes", "refused by the client", "client", "message.max.bytes"),
    Mistake("5 MB", "refused by the broker", "client", "max.message.bytes"),
    Mistake("typo in the topic's name", "nothing for 5 minutes", "client", "producer.flush(30.0)"),
    Mistake("other partitioner", "nothing", "warned", "murmur2", VALID, "misplaced", is_misplaced=True),
    Mistake(
        "`uploaded_unix_seconds` in ms",
        "nothing",
        "warned",
        "looks like milliseconds",
        _with(uploaded_unix_seconds=1_760_000_000_123),
        "milliseconds",
    ),
    Mistake(
        "`deadline_seconds: 30000`", "nothing", "warned", "8.3 hours", _with(deadline_seconds=30_000), "long-deadline"
    ),
    Mistake("market `ZZ`", "nothing", "warned", "no country", _with(market="ZZ"), "unknown-market"),
    Mistake("typo `hashtag`", "nothing", "warned", "did you mean 'hashtags'?", _with(hashtag=["a"]), "unknown-field"),
    Mistake(
        "lower revision",
        "nothing",
        "warned",
        "revision 3 was known",
        _with(),
        "lower-revision",
        after=(_with(revision=3),),
    ),
    Mistake(
        "same revision, new title",
        "nothing",
        "warned",
        "came again with other content",
        _with(title="another"),
        "other-content",
        after=(VALID,),
    ),
    Mistake(
        "deletion of an unknown id",
        "nothing",
        "warned",
        "of which nothing was known",
        {"video_id": VIDEO_ID, "deleted": True},
        "unknown-video",
    ),
)
