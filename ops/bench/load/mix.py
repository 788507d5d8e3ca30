"""What arrives under load: bursts, and few creators who upload most of the videos."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from typing import Final

from ops.bench.arrivals import Arrivals

_MINUTE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One upload of the schedule."""

    at_seconds: float
    """Since the start of the step."""
    creator: int
    """0 is the creator who uploads most."""
    clip: int
    """Place in the list of clips."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Burst and creators of the arrivals; the same seed gives the same schedule."""

    burst_ratio: float = 3.0
    """Rate in a burst over that between bursts."""
    burst_seconds: float = 4.0
    """Mean duration of a burst."""
    burst_share: float = 0.1
    """Share of the time that is in a burst."""
    num_creators: int = 200
    zipf_exponent: float = 1.0
    """The creator of rank `r` uploads in proportion to `r` to the power of minus this."""
    most_per_minute: int = 25
    """Uploads of a creator in any minute; others get a creator of their own. Less than a creator's share, from
    `streams.backfill.creator_shares`, because uploads may be published late: what is beyond a share waits behind all
    live uploads, and would look like a saturated machine."""

    def arrivals(self, mean_hz: float, seconds: float, num_clips: int, seed: int) -> list[Arrival]:
        """Return the schedule of one step in order; every clip occurs once before any occurs again."""
        chance = random.Random(seed)
        process = Arrivals(mean_hz, self.burst_ratio, self.burst_seconds, self.burst_share)
        times = list(process.times(chance, seconds))
        clips = _in_turns(num_clips, len(times), chance)
        creators = self._creators(times, chance)
        return [Arrival(*each) for each in zip(times, creators, clips, strict=True)]

    def _creators(self, times: Sequence[float], chance: random.Random) -> Iterator[int]:
        weights = accumulate((rank + 1) ** -self.zipf_exponent for rank in range(self.num_creators))
        drawn = chance.choices(range(self.num_creators), cum_weights=list(weights), k=len(times))
        recent = {creator: deque[float](maxlen=self.most_per_minute) for creator in set(drawn)}
        others = count(self.num_creators)
        for at, creator in zip(times, drawn, strict=True):
            uploads = recent[creator]
            if len(uploads) == self.most_per_minute and at - uploads[0] < _MINUTE_SECONDS:
                yield next(others)
            else:
                uploads.append(at)
                yield creator


def _in_turns(num_clips: int, number: int, chance: random.Random) -> list[int]:
    found: list[int] = []
    while len(found) < number:
        found += chance.sample(range(num_clips), num_clips)
    return found[:number]
