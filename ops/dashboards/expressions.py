"""PromQL that several panels share."""

from __future__ import annotations

from ops.dashboards.panels import Query

WINDOW = "$__rate_interval"
"""Grafana's variable: long enough for a rate at the displayed resolution."""
QUANTILES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))


def rate(selector: str, *by: str) -> str:
    """Return the increase per second, summed over workers, by the given labels."""
    return f"{_sum(by)}(rate({selector}[{WINDOW}]))"


def increase(selector: str, window: str, *by: str) -> str:
    """Return the increase within a fixed window, summed likewise."""
    return f"{_sum(by)}(increase({selector}[{window}]))"


def ratio(part: str, whole: str, *by: str) -> str:
    """Return the quotient of two rates; no value while the denominator is 0."""
    return f"{rate(part, *by)} / {rate(whole, *by)}"


def quantile(share: float, histogram: str, labels: str = "", *by: str) -> str:
    """Return a quantile, estimated from a histogram's buckets over all workers."""
    buckets = rate(f"{histogram}_bucket{labels}", "le", *by)
    return f"histogram_quantile({share:g}, {buckets})"


def quantiles(histogram: str, labels: str = "") -> tuple[Query, ...]:
    """Return median, 95 % and 99 % of one histogram."""
    return tuple(Query(quantile(share, histogram, labels), name) for share, name in QUANTILES)


def mean(histogram: str, *by: str) -> str:
    """Mean of a histogram's observations."""
    return ratio(f"{histogram}_sum", f"{histogram}_count", *by)


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) " if by else "sum"
