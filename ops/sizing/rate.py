"""The rate that is sized for."""

from __future__ import annotations

import math

from ops.sizing.quantity import InvalidProfile

DAY_SECONDS = 86_400.0
LEAST_PER_SECOND, MOST_PER_SECOND = 1e-4, 1e7
"""Nine uploads per day; more than a hundred times the yardstick of a billion per day."""


def checked_rate(videos_per_second: float) -> float:
    """Return the rate. Raises InvalidProfile if it cannot be sized."""
    if math.isfinite(videos_per_second) and LEAST_PER_SECOND <= videos_per_second <= MOST_PER_SECOND:
        return videos_per_second
    raise InvalidProfile(
        f"the rate is {videos_per_second!r} videos a second; allowed: {LEAST_PER_SECOND:g} to {MOST_PER_SECOND:g}"
    )
