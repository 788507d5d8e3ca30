"""Times since 1970 that were written in another unit than seconds."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((1e17, "nanoseconds", 1e9), (1e14, "microseconds", 1e6), (1e11, "milliseconds", 1e3))
"""From which number on a time cannot be seconds, what it is then, and how many of it are a second."""


def other_unit(unix_seconds: float) -> str | None:
    """What a time looks like and what to write; None where it may be seconds."""
    for least, name, number in _UNITS:
        if unix_seconds >= least:
            return f"it looks like {name}; write seconds since 1970, {unix_seconds / number:.3f}"
    return None
