"""Warnings: an event is accepted as it is, and something in it is likely a mistake of its sender."""

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
"""Most that are kept of one revision."""


class EventWarning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is likely a mistake. It changes no verdict."""

    kind: str
    """A word for machines: one of `WARNING_KINDS`, or a later release's."""
    message: str
    """For people: what was found, what it means, and what to do."""
    field: str = ""
    """Of the event, such as `deadline_seconds`; empty where it is about the event as a whole."""


_DECODER: Final = msgspec.json.Decoder(tuple[EventWarning, ...])


def decode_warnings(said: str | bytes | None) -> tuple[EventWarning, ...]:
    """From the field `warnings` of the status, which is absent where there are none; none where it cannot be read."""
    try:
        return _DECODER.decode(said) if said else ()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()


def joined_warnings(known: tuple[EventWarning, ...], more: tuple[EventWarning, ...]) -> tuple[EventWarning, ...]:
    """Those that are known, then those that are new; one a kind and field, and no more than a number."""
    first: dict[tuple[str, str], EventWarning] = {}
    for warning in (*known, *more):
        first.setdefault((warning.kind, warning.field), warning)
    return tuple(first.values())[:MAX_WARNINGS]
