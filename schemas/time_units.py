"""Recognises times since 1970 in other units than seconds."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((1e17, "nanoseconds", 1e9), (1e14, "microseconds", 1e6), (1e11, "milliseconds", 1e3))
"""Number from which a time cannot be in seconds, the likely unit, and its number per second."""


def other_unit(unix_seconds: float) -> str | None:
    """Return the likely unit and what to write; None if it may be seconds."""
    for least, name, number in _UNITS:
        if unix_seconds >= least:
            return f"it looks like {name}; write seconds since 1970, {unix_seconds / number:.3f}"
    return None
