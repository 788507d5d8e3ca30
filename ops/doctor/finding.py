"""The result of a check: state, meaning and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong", "not-checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one subject; never contains a secret."""

    subject: str
    state: State
    found: str
    means: str = ""
    """Consequence for videos and workers; empty if all is well."""
    do: str = ""
    """A command or a setting that helps."""


def ok(subject: str, found: str) -> Finding:
    """As it should be."""
    return Finding(subject, "ok", found)


def warning(subject: str, found: str, *, means: str, do: str) -> Finding:
    """Processing continues, and an operator should know."""
    return Finding(subject, "warning", found, means, do)


def wrong(subject: str, found: str, *, means: str, do: str) -> Finding:
    """A worker cannot work, or loses data that it must keep."""
    return Finding(subject, "wrong", found, means, do)


def not_checked(subject: str, why: str, *, do: str = "") -> Finding:
    """It could not be checked, with the reason."""
    return Finding(subject, "not-checked", why, do=do)
