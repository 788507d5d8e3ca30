"""Rates with a prior: what share of viewers liked, and how sure we are of it.

Each is the mean of a Beta posterior, (n + mean * strength) / (N + strength): with no events it is the prior's mean, and
it takes about `strength` events to outweigh that. So three views with three likes are no hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.engagement import EngagementKind


@dataclass(frozen=True, slots=True)
class Rate:
    """One share: events of one kind among those of another."""

    of: EngagementKind
    among: EngagementKind
    prior_mean: float
    """A cautious guess of an ordinary video, by magnitude; not fitted to anybody's data."""
    prior_strength: float
    """Events that the guess weighs as much as: more where the rate is rare, as few events say little about it."""

    def value(self, counts: Mapping[EngagementKind, int]) -> float:
        """Between 0 and 1; more of the one than of the other (lost or early events) counts as all of them."""
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
"""By the name under which records carry them."""


def rates_of(counts: Mapping[EngagementKind, int]) -> dict[str, float]:
    """Every rate, from counts of all time."""
    return {name: rate.value(counts) for name, rate in RATES.items()}
