"""Warnings: an event is accepted as it is, and contains a probable mistake of its sender."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

WarningKind = Literal[
    "milliseconds",
    "time-in-future",
    "time-before-2005",
    "unknown-market",
    "unknown-field",
    "long-deadline",
    "long-text",
    "other-content",
    "lower-revision",
    "unknown-video",
    "misplaced",
]
WARNING_KINDS: Final[tuple[WarningKind, ...]] = get_args(WarningKind)
"""Every kind of warning; the label of their metric."""

MAX_WARNINGS: Final = 12
"""Maximum number for one revision."""


class EventWarning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One probable mistake. It changes no verdict."""

    kind: str
    """Machine-readable: one of `WARNING_KINDS`, or of a later release."""
    message: str
    """For people: what was found, what it means, and what to do."""
    field: str = ""
    """Name of the field, such as `deadline_seconds`; empty if the whole event is concerned."""


_DECODER: Final = msgspec.json.Decoder(tuple[EventWarning, ...])


def decode_warnings(said: str | bytes | None) -> tuple[EventWarning, ...]:
    """Decode the field `warnings` of the status, which is absent without warnings; empty if it cannot be decoded."""
    try:
        return _DECODER.decode(said) if said else ()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()


def joined_warnings(known: tuple[EventWarning, ...], more: tuple[EventWarning, ...]) -> tuple[EventWarning, ...]:
    """Return known warnings, then new ones; one per kind and field, up to `MAX_WARNINGS`."""
    first: dict[tuple[str, str], EventWarning] = {}
    for warning in (*known, *more):
        first.setdefault((warning.kind, warning.field), warning)
    return tuple(first.values())[:MAX_WARNINGS]
