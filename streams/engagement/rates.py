"""Rates with a prior: the share of viewers who liked a video, weighted by the number of events.

Each is the mean of a Beta posterior, (n + mean * strength) / (N + strength): without events it is the prior's mean, and
about `strength` events are needed to outweigh that. So three views with three likes do not give a high rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.engagement import EngagementKind


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: events of one kind divided by those of another."""

    of: EngagementKind
    among: EngagementKind
    prior_mean: float
    """A cautious magnitude for an ordinary video; not fitted to data."""
    prior_strength: float
    """Number of events that the prior weighs: more for rare events, because few events say little about their rate."""

    def value(self, counts: Mapping[EngagementKind, int]) -> float:
        """Return a ratio between 0 and 1; a numerator above the denominator (lost or early events) counts as 1."""
        happened = counts.get(self.of, 0)
        chances = max(happened, counts.get(self.among, 0))
        return (happened + self.prior_mean * self.prior_strength) / (chances + self.prior_strength)


RATES: Final[dict[str, Rate]] = {
    "view_rate": Rate("view", "impression", 0.2, 50.0),
    "completion_rate": Rate("completion", "view", 0.3, 50.0),
    "like_rate": Rate("like", "view", 0.03, 100.0),
    "comment_rate": Rate("comment", "view", 0.005, 200.0),
    "share_rate": Rate("share", "view", 0.005, 200.0),
    "skip_rate": Rate("skip", "impression", 0.3, 50.0),
    "report_rate": Rate("report", "view", 0.0005, 1000.0),
    "not_interested_rate": Rate("not-interested", "impression", 0.005, 200.0),
}
"""By the name in records."""


def rates_of(counts: Mapping[EngagementKind, int]) -> dict[str, float]:
    """Return every rate, from total counts."""
    return {name: rate.value(counts) for name, rate in RATES.items()}
