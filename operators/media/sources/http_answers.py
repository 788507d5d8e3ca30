"""Interprets an origin's answer by RFC 9110."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from operators.errors import InvalidMedia
from operators.media.sources.retries import TryAgain

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MISSING = frozenset({404, 410})
_FORBIDDEN = frozenset({401, 403, 407, 451})
_TRANSIENT = frozenset({408, 425, 429})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The part that an answer contains."""

    start: int
    stop: int
    size_bytes: int | None
    """Of the whole; None if the origin does not state it."""


@dataclass(frozen=True, slots=True)
class Validators:
    """Headers that distinguish states of an object."""

    etag: str | None
    last_modified: str | None

    @property
    def strong_etag(self) -> str | None:
        """The entity tag, if it is strong."""
        return None if self.etag is None or self.etag.startswith("W/") else self.etag

    def contradict(self, other: Validators) -> bool:
        """Return whether both cannot be of the same state; missing headers say nothing."""
        if self.etag is not None and other.etag is not None:
            return self.etag != other.etag
        return None not in (self.last_modified, other.last_modified) and self.last_modified != other.last_modified


def validators_of(headers: Mapping[str, str]) -> Validators:
    """Read them from an answer's headers."""
    return Validators(headers.get("ETag"), headers.get("Last-Modified"))


def require_media(name: str, status: int, headers: Mapping[str, str]) -> None:
    """Check that an answer contains media, all of it (200) or a part (206).

    Raises:
        TryAgain: a later attempt may have a better answer.
        InvalidMedia: media-missing, media-forbidden, media-empty, media-changed, media-size-mismatch or media-refused.
    """
    if status in _TRANSIENT or status >= 500:
        raise TryAgain(f"status {status}", retry_after_seconds=_retry_after_seconds(headers.get("Retry-After")))
    if status in _MISSING:
        raise InvalidMedia("media-missing", f"{name}: status {status}")
    if status in _FORBIDDEN:
        raise InvalidMedia("media-forbidden", f"{name}: status {status}")
    if status == 412:
        raise InvalidMedia("media-changed", f"{name} became another object while it was read")
    if status == 416:
        raise _unsatisfiable(name, headers)
    if status not in (200, 206):
        raise InvalidMedia("media-refused", f"{name}: status {status}; media comes with 200 or 206")
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise InvalidMedia("media-refused", f"{name}: Content-Encoding {encoding[:40]!r}, which was not asked for")


def content_range(name: str, headers: Mapping[str, str]) -> ContentRange:
    """Return the part in a 206 answer.

    Raises:
        InvalidMedia: media-refused if it is missing, media-size-mismatch if it is contradictory.
    """
    text = headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        raise InvalidMedia("media-refused", f"{name}: Content-Range {text[:80]!r}; one range of bytes was asked for")
    part = ContentRange(int(found[1]), int(found[2]) + 1, None if found[3] == "*" else int(found[3]))
    if part.start >= part.stop or (part.size_bytes is not None and part.stop > part.size_bytes):
        raise InvalidMedia("media-size-mismatch", f"{name}: Content-Range {text!r} contradicts itself")
    return part


def announced_bytes(name: str, headers: Mapping[str, str]) -> int | None:
    """Return Content-Length, or None without one.

    Raises:
        InvalidMedia: media-refused, it is no number.
    """
    text = headers.get("Content-Length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidMedia("media-refused", f"{name}: Content-Length {text[:40]!r}")
    return int(text)


def _unsatisfiable(name: str, headers: Mapping[str, str]) -> InvalidMedia:
    if headers.get("Content-Range", "").replace(" ", "") == "bytes*/0":
        return InvalidMedia("media-empty", f"{name} has no bytes")
    return InvalidMedia("media-size-mismatch", f"{name}: there are no bytes where bytes were announced (status 416)")


def _retry_after_seconds(text: str | None) -> float | None:
    """Parse RFC 9110, 10.2.3: seconds, or a date; other values are ignored."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or one beyond what a date can be
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
