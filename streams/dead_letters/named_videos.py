"""Finds the videos that an event names, even if the rest of it cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.patterns import END
from schemas.uploads import MAX_UPLOAD_BYTES
from streams.record import Record

_VIDEO_ID: Final = re.compile(r"^[A-Za-z0-9._:~-]{1,128}" + END)
_LARGEST_REVISION: Final = 2**53 - 1


class _Names(msgspec.Struct):
    video_id: msgspec.Raw = msgspec.Raw()
    revision: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Names)


@dataclass(frozen=True, slots=True)
class Named:
    """What could be read of an event."""

    video_ids: tuple[str, ...] = ()
    """Video ids in the record's key, and in the event if it names another; only valid ids."""
    revision: int | None = None


def named_videos(record: Record) -> Named:
    """Return the videos under whose ids senders look for a refusal, and the revision that the event concerns."""
    names = _read(record.value)
    found = (_text(record.key), _decoded(names.video_id))
    ids = tuple(dict.fromkeys(name for name in found if isinstance(name, str) and _VIDEO_ID.match(name)))
    revision = _decoded(names.revision)
    is_revision = type(revision) is int and 1 <= revision <= _LARGEST_REVISION
    return Named(ids, revision if is_revision else None)


def _read(value: bytes | None) -> _Names:
    if value is None or len(value) > MAX_UPLOAD_BYTES:
        return _Names()
    try:
        return _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Names()


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode("ascii")
    except UnicodeDecodeError:
        return None
