"""Decodes a record of the log: a fact, a fact that only a newer release can read, or a foreign record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, get_args

import msgspec
from msgspec import Struct

from schemas.codec import EVENT_TYPES, decode_fact, header
from schemas.errors import InvalidEvent
from schemas.facts import Deleted, Fact

KINDS: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Fact))
"""Kinds of facts that this release can read."""
_DELETION: Final = str(Deleted.__struct_config__.tag)
_TYPE: Final = re.compile(rb"video\.[a-z-]{1,64}\.v[0-9]{1,6}")
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VIDEO_ID: Final = re.compile(rb"[A-Za-z0-9._:~-]{1,128}")
_OURS: Final = b"vidsignal/"


@dataclass(frozen=True, slots=True)
class NewerFact:
    """A fact of a kind or layout that this release does not know."""

    video_id: str
    kind: str
    """Empty if it cannot be read."""
    type: str
    """CloudEvents type; empty without a header."""
    message: str

    @property
    def is_deletion(self) -> bool:
        """Whether it deletes something of the video, of which this release cannot read what."""
        return self.kind == _DELETION or self.type.startswith(f"video.{_DELETION}.")


@dataclass(frozen=True, slots=True)
class NoFact:
    """A record that says nothing about the video that its key names."""

    cause: str
    message: str


class _Probe(Struct):
    video_id: str
    kind: str


def read_fact(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> Fact | NewerFact | NoFact:
    """Classify a record of the log; raises nothing for any bytes."""
    headers = tuple(headers)
    event_type = header(headers, "ce_type") or b""
    if _TYPE.fullmatch(event_type) and event_type.decode() not in EVENT_TYPES.values():
        return _newer(key, _probe(value), event_type, f"the event type {event_type.decode()!r} is not known")
    try:
        fact = decode_fact(value)
    except InvalidEvent as error:
        return _unread(key, value, headers, error)
    if key != fact.video_id.encode():
        # Under another key it may be in another partition, whose offsets do not compare with this video's.
        return NoFact("key-mismatch", f"the key is {key!r}, the fact is about {fact.video_id!r}")
    return fact


def can_be_read(kind: str, event_type: str) -> bool:
    """Return whether this release knows kind and type of a fact that was newer for another release."""
    return (not kind or kind in KINDS) and (not event_type or event_type in EVENT_TYPES.values())


def kind_of(fact: Fact) -> str:
    """Return the kind of a fact."""
    return str(fact.__struct_config__.tag)


def _unread(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]], error: InvalidEvent
) -> NewerFact | NoFact:
    probe = _probe(value)
    if probe is not None and _KIND.fullmatch(probe.kind):
        # Facts are published by this product only: a newer release changed a known kind.
        is_ours = (header(headers, "ce_source") or b"").startswith(_OURS)
        if probe.kind not in KINDS or is_ours:
            return _newer(key, probe, header(headers, "ce_type") or b"", error.message)
    return NoFact(error.cause, error.message)


def _newer(key: bytes | None, probe: _Probe | None, event_type: bytes, message: str) -> NewerFact | NoFact:
    if key is None or not _VIDEO_ID.fullmatch(key):
        return NoFact("key-mismatch", f"the key {key!r} names no video; {message}")
    if probe is not None and probe.video_id.encode("utf-8", "replace") != key:
        return NoFact("key-mismatch", f"the key is {key!r}, the fact is about {probe.video_id!r}")
    kind = probe.kind if probe is not None and _KIND.fullmatch(probe.kind) else ""
    type_name = event_type.decode() if _TYPE.fullmatch(event_type) else ""
    return NewerFact(key.decode(), kind, type_name, message)


def _probe(value: bytes | None) -> _Probe | None:
    try:
        return msgspec.json.decode(value or b"", type=_Probe)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
