"""Reads a worker's Prometheus page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

_ANSWER_SECONDS = 30.0
"""Generous: a worker that shares its cores with many others may answer slowly."""


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """One reading of all metrics."""

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name whose labels include these."""
        wanted = set(labels.items())
        return sum(value for (found, tags), value in self.samples.items() if found == name and wanted <= set(tags))

    def mean(self, histogram: str, **labels: str) -> float:
        """Return the mean of a histogram's observations; 0 without any."""
        count = self.total(f"{histogram}_count", **labels)
        return self.total(f"{histogram}_sum", **labels) / count if count else 0.0


def read_metrics(port: int) -> MetricsPage:
    """Read the page of a worker on this machine. Raises OSError if nothing answers."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ANSWER_SECONDS) as answer:
        return parse_metrics(answer.read().decode())


def parse_metrics(text: str) -> MetricsPage:
    """Parse a page in Prometheus' text format. Raises ValueError for other text."""
    return MetricsPage(
        {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )
