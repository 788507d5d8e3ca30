"""Parses a start time: a duration such as `24h`, or a time such as `2026-11-01T12:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SPAN = re.compile(r"(\d+)([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def since_unix_seconds(text: str, now_unix_seconds: float) -> float:
    """Return the time; raises ValueError with what is allowed."""
    if span := _SPAN.fullmatch(text):
        return now_unix_seconds - int(span[1]) * _UNIT_SECONDS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        allowed = "a length such as 30m, 24h or 7d, or a moment such as 2026-11-01 or 2026-11-01T12:00"
        raise ValueError(f"since is {text!r}; allowed: {allowed} (UTC where no zone is named)") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
