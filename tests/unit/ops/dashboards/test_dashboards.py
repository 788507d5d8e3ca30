"""The dashboards: files as they are described, a layout that Grafana can show, and only series that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ops.dashboards.dashboard_registry import DASHBOARDS, FOLDER, documents
from ops.dashboards.grafana import DATASOURCE, dashboard_text
from ops.dashboards.panels import Dashboard
from ops.metrics_document import metric_entries
from tests.documents import REPOSITORY
from tests.promql import grouped_labels, selectors

COLUMNS = 24
"""Of Grafana's grid."""
PROVISIONING = REPOSITORY / "ops" / "grafana" / "provisioning"
SERIES = {name: entry for entry in metric_entries() for name in entry.series}
OF_PROMETHEUS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"}
"""Series that the client or Prometheus itself adds."""
ADDED_LABELS = {"job", "instance"}
NOT_SHOWN = {
    "vidsignal_events_in_total": "`vidsignal_events_finished_total` says the same a moment later",
    "vidsignal_committed_offset": "for `vidsignal top`, and for looking closer",
    "vidsignal_max_deferred_events": "in an alert",
}
"""Metrics that no dashboard shows, and why."""

EACH = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))


def panels_of(dashboard: Dashboard) -> list[dict[str, Any]]:
    """As Grafana reads them, rows included."""
    return list(json.loads(dashboard_text(dashboard))["panels"])


def provisioned(path: str) -> Any:
    return yaml.safe_load((PROVISIONING / path).read_text(encoding="utf-8"))


class TestFiles:
    @pytest.mark.parametrize("name", documents())
    def test_is_as_described(self, name: str) -> None:
        """`python -m ops.dashboards` was run after the last change."""
        assert (FOLDER / name).read_text(encoding="utf-8") == documents()[name]

    def test_no_other_files(self) -> None:
        """Nothing is there that is not described."""
        assert {path.name for path in FOLDER.iterdir()} == set(documents())

    def test_provisioning_names_what_panels_name(self) -> None:
        """The datasource has the uid that panels ask for, and the folder of dashboards is provisioned."""
        (source,) = provisioned("datasources/vidsignal.yaml")["datasources"]
        assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE.to_json()
        (provider,) = provisioned("dashboards/vidsignal.yaml")["providers"]
        compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
        mounts = compose["services"]["grafana"]["volumes"]
        assert f"./ops/grafana/dashboards:{provider['options']['path']}:ro" in mounts

    def test_addresses_differ(self) -> None:
        """Every dashboard has a uid and a title of its own."""
        assert len({dashboard.uid for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
        assert len({dashboard.title for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@EACH
class TestLayout:
    def test_ids_are_unique(self, dashboard: Dashboard) -> None:
        """Grafana tells panels apart by their numbers, and readers by their titles."""
        panels = panels_of(dashboard)
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len({panel["title"] for panel in panels}) == len(panels)

    def test_nothing_overlaps(self, dashboard: Dashboard) -> None:
        """Every cell of the grid belongs to one panel at most, and none is outside."""
        taken: set[tuple[int, int]] = set()
        for panel in panels_of(dashboard):
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= COLUMNS
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            taken |= cells

    def test_each_panel_explains_itself(self, dashboard: Dashboard) -> None:
        """Title, description, unit and a query; dead letters of queries are unique."""
        for panel in panels_of(dashboard):
            if panel["type"] == "row":
                continue
            assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
            assert re.search(r"\w{3}.*\.$", panel["description"]), panel["title"]
            dead_letters = [target["refId"] for target in panel["targets"]]
            assert dead_letters and len(set(dead_letters)) == len(dead_letters)


@EACH
class TestQueries:
    def test_series_exist(self, dashboard: Dashboard) -> None:
        """Every selector names a metric of the code, with labels that it has."""
        for panel in dashboard.panels:
            for query in panel.queries:
                for selector in selectors(query.expression):
                    if selector.metric in OF_PROMETHEUS:
                        assert selector.labels <= ADDED_LABELS, query
                    else:
                        assert selector.labels <= {*SERIES[selector.metric].labels, *ADDED_LABELS, "le"}, query

    def test_groups_exist(self, dashboard: Dashboard) -> None:
        """Every label that an expression groups by, or a legend names, is one of its series."""
        for panel in dashboard.panels:
            for query in panel.queries:
                found = {selector.metric for selector in selectors(query.expression)} - OF_PROMETHEUS
                labels = {label for name in found for label in SERIES[name].labels} | ADDED_LABELS | {"le"}
                assert grouped_labels(query.expression) <= labels, query
                assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= labels, query

    def test_variables_exist(self, dashboard: Dashboard) -> None:
        """Every `$name` is Grafana's own or a choice of the dashboard, and every choice is used."""
        text = " ".join(query.expression for panel in dashboard.panels for query in panel.queries)
        named = set(re.findall(r"\$(\w+)", text))
        assert named - {"__rate_interval"} == {variable.name for variable in dashboard.variables}


def test_every_metric_is_shown() -> None:
    """No metric is counted for nobody: each is on a dashboard, or named here with a reason."""
    shown = {
        selector.metric
        for dashboard in DASHBOARDS.values()
        for panel in dashboard.panels
        for query in panel.queries
        for selector in selectors(query.expression)
    }
    missing = {entry.name for entry in metric_entries() if not shown & set(entry.series)}
    assert missing == set(NOT_SHOWN)
