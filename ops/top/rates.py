"""Changes between two scrapes: increases of counters, with restarts taken into account, and quantiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from ops.local.metrics_page import MetricsPage
from ops.top.scrape import Scrape

Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and sorted labels."""

_GROWING: Final = ("_total", "_count", "_sum", "_bucket")


@dataclass(frozen=True, slots=True)
class Rates:
    """Of all workers together."""

    increases: dict[Series, float]
    rates: dict[Series, float]
    """Per second; each worker's increase divided by its own time between the scrapes."""

    def increase(self, name: str, **labels: str) -> float:
        """Return the sum over all series of a name whose labels include these."""
        return sum(_chosen(self.increases, name, labels))

    def rate(self, name: str, **labels: str) -> float:
        """Return the same per second."""
        return sum(_chosen(self.rates, name, labels))

    def mean(self, histogram: str, **labels: str) -> float | None:
        """Return the mean of the observations; None without any."""
        count = self.increase(f"{histogram}_count", **labels)
        return self.increase(f"{histogram}_sum", **labels) / count if count else None

    def quantile(self, histogram: str, share: float, **labels: str) -> float | None:
        """Estimate a quantile as Prometheus' `histogram_quantile` does; None without observations.

        Within a bucket observations count as evenly distributed; beyond the last bound that bound is returned.
        """
        buckets: defaultdict[float, float] = defaultdict(float)
        wanted = set(labels.items())
        for (name, tags), value in self.increases.items():
            if name == f"{histogram}_bucket" and wanted <= set(tags):
                buckets[float(dict(tags)["le"])] += value
        return _quantile(sorted(buckets.items()), share)


def rates(pairs: Iterable[tuple[Scrape, Scrape]]) -> Rates:
    """Return the changes between an earlier and a later scrape of each worker; workers without two answers are left
    out."""
    increases: defaultdict[Series, float] = defaultdict(float)
    rates: defaultdict[Series, float] = defaultdict(float)
    for before, after in pairs:
        seconds = after.at_seconds - before.at_seconds
        if before.page is None or after.page is None or seconds <= 0:
            continue
        has_restarted = before.started_unix_seconds != after.started_unix_seconds
        for series, increase in _increases(MetricsPage({}) if has_restarted else before.page, after.page):
            increases[series] += increase
            rates[series] += increase / seconds
    return Rates(dict(increases), dict(rates))


def _increases(before: MetricsPage, after: MetricsPage) -> Iterator[tuple[Series, float]]:
    for series, value in after.samples.items():
        if series[0].endswith(_GROWING):
            earlier = before.samples.get(series, 0.0)
            # A counter never decreases, so one that did has restarted.
            yield series, value - earlier if value >= earlier else value


def _chosen(samples: dict[Series, float], name: str, labels: dict[str, str]) -> Iterator[float]:
    wanted = set(labels.items())
    return (value for (found, tags), value in samples.items() if found == name and wanted <= set(tags))


def _quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank = share * buckets[-1][1]
    lower_bound, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            if bound == inf:
                return lower_bound
            return lower_bound + (bound - lower_bound) * (rank - below) / (count - below)
        lower_bound, below = bound, count
    return lower_bound
