"""How fast a video is told.

Slow: fewer than 6 cuts a minute and calm. Fast: at least 20 cuts a minute, or wild motion. Else medium. The average
shot of a feature film lasts 3 to 6 s (J. Cutting et al., "Attention and the evolution of Hollywood film", 2010), which
is 10 to 20 cuts a minute.
"""

from __future__ import annotations

from typing import Literal

Pace = Literal["slow", "medium", "fast"]

SLOW_CUTS_PER_MINUTE = 6.0
FAST_CUTS_PER_MINUTE = 20.0
CALM_WIDTHS_PER_SECOND = 0.1
"""Mean motion of talking heads and landscapes is below."""
WILD_WIDTHS_PER_SECOND = 0.5
"""Half a picture width a second on average: action cameras, chases."""


def cuts_per_minute(num_cuts: int, observed_seconds: float) -> float:
    """Cuts by the time that was looked at; 0 where that is nothing."""
    return 60.0 * num_cuts / observed_seconds if observed_seconds > 0.0 else 0.0


def mean_shot_seconds(num_cuts: int, observed_seconds: float) -> float:
    """Time that was looked at by the shots in it; of a video seen in parts, a lower bound."""
    return observed_seconds / (num_cuts + 1)


def pace(cuts_a_minute: float, mean_energy: float) -> Pace:
    """Sort a video by its editing and its motion.

    Args:
        cuts_a_minute: see `cuts_per_minute`.
        mean_energy: picture widths a second.
    """
    if cuts_a_minute >= FAST_CUTS_PER_MINUTE or mean_energy >= WILD_WIDTHS_PER_SECOND:
        return "fast"
    if cuts_a_minute < SLOW_CUTS_PER_MINUTE and mean_energy < CALM_WIDTHS_PER_SECOND:
        return "slow"
    return "medium"
