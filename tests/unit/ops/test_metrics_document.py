"""The page of metrics is the code's own table."""

from __future__ import annotations

import re

import pytest

from ops.metric_advice import METRIC_ADVICE
from ops.metrics_document import DOCUMENT, MetricEntry, document, metric_entries
from ops.renamed_metrics import RENAMED_ALERTS, RENAMED_LABELS, RENAMED_METRICS, renamed
from tests.documents import REPOSITORY, table

ENTRIES = metric_entries()


def test_is_as_generated() -> None:
    """`python -m ops.metrics_document` was run after the last change."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_metric_has_advice() -> None:
    """Each says what to look at when it moves, and no advice is about a metric that is gone."""
    assert [entry.constant for entry in ENTRIES if entry.constant not in METRIC_ADVICE] == []
    assert set(METRIC_ADVICE) == {entry.constant for entry in ENTRIES}


def test_former_names_lead_to_metrics_and_are_gone() -> None:
    """Each former name has one that exists, none is exported any more, and the page lists all of them."""
    labels = {entry.name: set(entry.labels) for entry in ENTRIES}
    assert set(RENAMED_METRICS.values()) <= labels.keys()
    assert RENAMED_METRICS.keys() & labels.keys() == set()
    for (metric, former), label in RENAMED_LABELS.items():
        assert (label in labels[metric], former in labels[metric]) == (True, False), metric
    listed = [(row[0].strip("`"), row[1].strip("`")) for row in table(document().partition("\n## Renamed\n")[2])]
    assert listed == renamed()


def test_former_alerts_lead_to_alerts() -> None:
    """Each former alert has one that exists, and no rule has a former name."""
    rules = (REPOSITORY / "ops" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    alerts = set(re.findall(r"- alert: (\w+)", rules))
    assert set(RENAMED_ALERTS.values()) <= alerts
    assert RENAMED_ALERTS.keys() & alerts == set()


def test_every_row_has_every_column() -> None:
    """No text breaks its table."""
    rows = table(document().partition("\n## ")[0])
    assert len(rows) == len(ENTRIES)
    assert {len(row) for row in rows} == {5}


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_names_follow_the_convention(entry: MetricEntry) -> None:
    """A metric is ours by its name; what is measured in a unit reports it; no label can be a video or a person."""
    assert entry.name.startswith("vidsignal_")
    assert (entry.kind == "counter") == entry.name.endswith("_total")
    assert not {"video_id", "creator_id", "url", "origin"} & set(entry.labels)
