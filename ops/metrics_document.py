"""Writes `docs/metrics.md` from the table of metrics: `python -m ops.metrics_document` after changing one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from ops.metric_advice import METRIC_ADVICE
from ops.renamed_metrics import renamed
from streams.monitoring.metric_series import DEAD_LETTER_CAUSES, PIPELINE_STAGES
from streams.observability import metrics

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "metrics.md"
_HEAD: Final = """\
# Metrics

Every metric of a worker at `VIDSIGNAL_METRICS_PORT`, generated from `streams/observability/metrics.py` by
`python -m ops.metrics_document`. A histogram has three series: `_bucket`, `_sum` and `_count`. Series whose labels are
known in advance start at 0 with the worker, so that the first event of a kind is an increase. In addition, the
Prometheus client exports metrics of the process (`process_cpu_seconds_total`, `process_resident_memory_bytes`, ...).

No label contains a video, a creator or an address. `market` is an existing country code, `other` or `none`; `topic` of
`vidsignal_consumer_lag`, `vidsignal_committed_offset` and `vidsignal_records_lost_total` is the broker's name, with the
prefix. Dashboards are in `ops/grafana/dashboards`; [alerts](alerts.md) has the runbooks.

| metric | type | labels | meaning | if it changes |
|---|---|---|---|---|
"""
_VALUES_HEAD: Final = """
## Values of labels

Stages of `vidsignal_stage_seconds`, and causes of `vidsignal_dead_letters_total`, by the role that has them. `frames`,
`audio`, `motion` and `context` are whole agents, with their waits for the decode and for batches; `publish` is the
broker's confirmation, of any topic.

| label | role | values |
|---|---|---|
"""
_RENAMED_HEAD: Final = """
## Renamed

Names of the release before, for dashboards and alert rules of your own. The former series are not exported any more.

| former name | name |
|---|---|
"""


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """One metric as its readers see it."""

    constant: str
    """Its name in `streams.observability.metrics`."""
    name: str
    """Its name in Prometheus, including `_total`."""
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """Names of its series."""
        if self.kind == "histogram":
            return tuple(f"{self.name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))
        return (self.name,)


def metric_entries() -> list[MetricEntry]:
    """Return every metric, in the order of the code."""
    found = [(constant, value) for constant, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)]
    return [_entry(constant, metric) for constant, metric in found]


def document() -> str:
    """Return the file's text."""
    values = (_values_row("stage", role, words) for role, words in PIPELINE_STAGES.items())
    causes = (_values_row("cause", role, words) for role, words in DEAD_LETTER_CAUSES.items())
    metrics_table = _HEAD + "".join(_row(entry) for entry in metric_entries())
    values_table = _VALUES_HEAD + "".join((*values, *causes))
    renamed_table = _RENAMED_HEAD + "".join(f"| `{former}` | `{name}` |\n" for former, name in renamed())
    return metrics_table + values_table + renamed_table


def _entry(constant: str, metric: MetricWrapperBase) -> MetricEntry:
    family = next(iter(metric.describe()))
    name = f"{family.name}_total" if family.type == "counter" else family.name
    # The client provides the labels of a metric only if it already has series.
    return MetricEntry(constant, name, family.type, tuple(metric._labelnames), family.documentation)


def _row(entry: MetricEntry) -> str:
    labels = ", ".join(f"`{label}`" for label in entry.labels) or "none"
    return f"| `{entry.name}` | {entry.kind} | {labels} | {entry.meaning} | {METRIC_ADVICE[entry.constant]} |\n"


def _values_row(label: str, role: str, values: Iterable[str]) -> str:
    return f"| `{label}` | {role} | {', '.join(f'`{value}`' for value in values)} |\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(DOCUMENT)
