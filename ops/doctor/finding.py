"""What a check says: the state of one thing, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong", "not-checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing; never a secret in it."""

    subject: str
    state: State
    found: str
    means: str = ""
    """What follows for videos and workers; empty where all is well."""
    do: str = ""
    """A command or a setting that helps."""


def ok(subject: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(subject, "ok", found)


def warning(subject: str, found: str, *, means: str, do: str) -> Finding:
    """Work goes on, and somebody should know."""
    return Finding(subject, "warning", found, means, do)


def wrong(subject: str, found: str, *, means: str, do: str) -> Finding:
    """A worker cannot work so, or loses what it should keep."""
    return Finding(subject, "wrong", found, means, do)


def not_checked(subject: str, why: str, *, do: str = "") -> Finding:
    """It could not be looked at, and why."""
    return Finding(subject, "not-checked", why, do=do)
