"""Arrival times of uploads: a Poisson process whose rate is higher in bursts (Markov-modulated with two states)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Rates and durations; a `burst_share` of 0 is a plain Poisson process."""

    mean_hz: float
    burst_ratio: float = 1.0
    burst_seconds: float = 1.0
    burst_share: float = 0.0

    def times(self, chance: random.Random, horizon_seconds: float) -> Iterator[float]:
        """Yield ascending times below the horizon; the long-run mean of the rate is `mean_hz`."""
        calm_hz = self.mean_hz / (1 + self.burst_share * (self.burst_ratio - 1))
        is_burst, now = False, 0.0
        while now < horizon_seconds:
            end = min(horizon_seconds, now + self._sojourn_seconds(chance, is_burst))
            rate = calm_hz * (self.burst_ratio if is_burst else 1.0)
            at = now + chance.expovariate(rate)
            while at < end:
                yield at
                at += chance.expovariate(rate)
            is_burst, now = not is_burst, end  # memoryless: the rest of an interval may be drawn again

    def _sojourn_seconds(self, chance: random.Random, is_burst: bool) -> float:
        if not self.burst_share:
            return float("inf")
        calm_seconds = self.burst_seconds * (1 - self.burst_share) / self.burst_share
        return chance.expovariate(1 / (self.burst_seconds if is_burst else calm_seconds))
