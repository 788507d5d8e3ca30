"""Where the matching pictures of two videos are: the stretch of each that shows the same, and the speed of the second.

Pictures are sampled about once a second, so a matching pair fixes the offset to about that. The offset on which the
most pictures agree wins, at each speed that copies have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

SPEEDS: Final = tuple(1.05**step for step in range(-15, 16))
"""Of the second video: 0.48 to 2.08, one twentieth apart."""
SLACK_SECONDS: Final = 1.5
"""Offsets within this range agree: both videos are sampled about once a second."""
SECONDS_OF_SPEED: Final = 2.0
"""Range of offsets that a speed of e times the usual one must save to be the better explanation."""


@dataclass(frozen=True, slots=True)
class MatchedTimes:
    """The stretch of each video that shows the same, from the first matching picture to the last."""

    first_start_seconds: float
    first_end_seconds: float
    second_start_seconds: float
    second_end_seconds: float
    speed: float
    """Of the second video against the first: 2 shows the same in half of the time. An estimate; 1 if few pictures
    match."""
    num_pictures: int
    """Pictures of the first video whose matches agree."""


def matched_times(pairs: Sequence[tuple[float, float]]) -> MatchedTimes | None:
    """Return where most matches agree; None without matches.

    Args:
        pairs: times of matching pictures in the first and in the second video, in seconds.
    """
    if not pairs:
        return None
    best = max((_agreeing(pairs, speed) for speed in SPEEDS), key=lambda found: (found.num_pictures, -found.strain))
    firsts, seconds = zip(*best.pairs, strict=True)
    return MatchedTimes(min(firsts), max(firsts), min(seconds), max(seconds), round(best.speed, 2), best.num_pictures)


@dataclass(frozen=True, slots=True)
class _AgreeingPairs:
    """The pairs whose offsets agree at one speed."""

    speed: float
    num_pictures: int
    spread_seconds: float
    """Range of their offsets."""
    pairs: Sequence[tuple[float, float]]

    @property
    def strain(self) -> float:
        """How unlikely it is, next to others with as many pictures: by its spread, and by its speed."""
        return self.spread_seconds + SECONDS_OF_SPEED * abs(log(self.speed))


def _agreeing(pairs: Sequence[tuple[float, float]], speed: float) -> _AgreeingPairs:
    """Return the pairs in the window of offsets that holds the most pictures of the first video."""
    ordered = sorted((second - first / speed, first, second) for first, second in pairs)
    inside: Counter[float] = Counter()
    start, best = 0, (0, 0, 0)
    for end, (offset, first, _) in enumerate(ordered, start=1):
        inside[first] += 1
        while offset - ordered[start][0] > SLACK_SECONDS:
            _take(inside, ordered[start][1])
            start += 1
        best = max(best, (len(inside), -start, -end))
    num_pictures, start, end = best[0], -best[1], -best[2]
    window = ordered[start:end]
    found = [(first, second) for _, first, second in window]
    return _AgreeingPairs(speed, num_pictures, window[-1][0] - window[0][0], found)


def _take(inside: Counter[float], picture: float) -> None:
    inside[picture] -= 1
    if not inside[picture]:
        del inside[picture]
