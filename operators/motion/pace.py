"""Pace of a video, from cuts and motion.

Slow: fewer than 6 cuts per minute and calm. Fast: at least 20 cuts per minute, or wild motion. Otherwise medium. The
average shot of a feature film lasts 3 to 6 s (J. Cutting et al., "Attention and the evolution of Hollywood film",
2010), which is 10 to 20 cuts per minute.
"""

from __future__ import annotations

from typing import Literal

Pace = Literal["slow", "medium", "fast"]

SLOW_CUTS_PER_MINUTE = 6.0
FAST_CUTS_PER_MINUTE = 20.0
CALM_WIDTHS_PER_SECOND = 0.1
"""The mean motion of talking heads and landscapes is lower."""
WILD_WIDTHS_PER_SECOND = 0.5
"""Half a picture width per second on average: action cameras, chases."""


def cuts_per_minute(num_cuts: float, seconds: float) -> float:
    """Return cuts per minute of the time in which they were counted, or for which they were estimated; 0 if that is
    zero."""
    return 60.0 * num_cuts / seconds if seconds > 0.0 else 0.0


def mean_shot_seconds(num_cuts: int, observed_seconds: float) -> float:
    """Return the analysed time divided by its shots; a lower bound for a video that is analysed in parts."""
    return observed_seconds / (num_cuts + 1)


def pace(cuts_a_minute: float, mean_energy: float) -> Pace:
    """Classify a video by its cuts and its motion.

    Args:
        cuts_a_minute: see `cuts_per_minute`.
        mean_energy: picture widths per second.
    """
    if cuts_a_minute >= FAST_CUTS_PER_MINUTE or mean_energy >= WILD_WIDTHS_PER_SECOND:
        return "fast"
    if cuts_a_minute < SLOW_CUTS_PER_MINUTE and mean_energy < CALM_WIDTHS_PER_SECOND:
        return "slow"
    return "medium"
