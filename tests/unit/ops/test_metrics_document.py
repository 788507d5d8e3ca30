"""The page of metrics is the code's own table."""

from __future__ import annotations

import pytest

from ops.metric_advice import METRIC_ADVICE
from ops.metrics_document import DOCUMENT, MetricEntry, document, metric_entries
from tests.documents import table

ENTRIES = metric_entries()


def test_is_as_generated() -> None:
    """`python -m ops.metrics_document` was run after the last change."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_metric_has_advice() -> None:
    """Each says what to look at when it moves, and no advice is about a metric that is gone."""
    assert [entry.constant for entry in ENTRIES if entry.constant not in METRIC_ADVICE] == []
    assert set(METRIC_ADVICE) == {entry.constant for entry in ENTRIES}


def test_every_row_has_every_column() -> None:
    """No text breaks its table."""
    rows = table(document().partition("\n## ")[0])
    assert len(rows) == len(ENTRIES)
    assert {len(row) for row in rows} == {5}


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_names_follow_the_convention(entry: MetricEntry) -> None:
    """A metric is ours by its name; what is measured in a unit says so; no label can be a video or a person."""
    assert entry.name.startswith("vidsignal_")
    assert (entry.kind == "counter") == entry.name.endswith("_total")
    assert not {"video_id", "creator_id", "url", "origin"} & set(entry.labels)
