"""Refused fields of an event under the name that a command line has for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from schemas.diagnosis import invalid_object

UPLOAD_OPTIONS: Final = {
    "hashtags": "--hashtag",
    "creator_id": "--creator",
    "deadline_seconds": "--deadline",
    "source.sha256": "--sha256",
    "source.path": "PATH",
    "source.url": "PATH",
}
"""Options whose name is not the field's."""
VIDEO_OPTIONS: Final = {"video_id": "VIDEO_ID"}
ENGAGEMENT_OPTIONS: Final = {**VIDEO_OPTIONS, "kind": "KIND"}
REVIEW_OPTIONS: Final = {**VIDEO_OPTIONS, "reviewer": "--by", "reason": "--note"}

Event = TypeVar("Event")
_PLACE: Final = re.compile(r"\A\$\.([a-z_0-9]+(?:\.[a-z_0-9]+)*)")


def event_or_exit(raw: dict[str, Any], kind: type[Event], what: str, options: Mapping[str, str]) -> Event:
    """Check an event's fields and return it; exits with the usage code if one is wrong.

    Args:
        raw: its fields.
        kind: its type.
        what: its name in the message, such as `a review`.
        options: for fields whose option has another name.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        fail(with_option(invalid_object(raw, kind, what, str(error)), options), ExitCode.USAGE)


def with_option(message: str, options: Mapping[str, str]) -> str:
    """Return a message that begins with an option in place of `$.field`; other messages unchanged."""
    return _PLACE.sub(lambda place: _option(place[1], options), message)


def refused_field(message: str) -> str:
    """Return the field with whose place a message begins; empty if with none."""
    place = _PLACE.match(message)
    return place[1].partition(".")[0] if place else ""


def _option(field: str, options: Mapping[str, str]) -> str:
    return options.get(field) or f"--{field.replace('_', '-')}"
