"""From a dashboard to Grafana's JSON: the layout, and the fields that Grafana wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ops.dashboards.panels import Dashboard, Panel, Query, Row, Variable

SCHEMA_VERSION = 39
"""Of Grafana 10.4 and 11; newer ones migrate it by themselves."""
DATASOURCE = {"type": "prometheus", "uid": "vidsignal-prometheus"}
"""As `ops/grafana/provisioning/datasources` names it."""
COLUMNS = 24
_HEIGHTS = {"timeseries": 8, "stat": 4, "table": 8}
_UNITS = {"cores": "short"}
_REFRESH = "30s"


def dashboard_text(dashboard: Dashboard) -> str:
    """The file's text."""
    return json.dumps(dashboard_json(dashboard), indent=2, ensure_ascii=False) + "\n"


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """What Grafana's provisioning reads."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["vidsignal"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": _REFRESH,
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_variable(variable) for variable in dashboard.variables]},
        "panels": list(_placed(dashboard.rows)),
    }


def _placed(rows: tuple[Row, ...]) -> Iterator[dict[str, Any]]:
    """Panels from left to right and from top to bottom, below the heading of their row."""
    number, top = 1, 0
    for row in rows:
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [], **_at(0, top, 24, 1)}
        number, top = number + 1, top + 1
        left, height = 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, height = 0, top + height, 0
            yield _panel(panel, number, left, top)
            number, left = number + 1, left + panel.width
            height = max(height, _HEIGHTS[panel.kind])
        top += height


def _at(left: int, top: int, width: int, height: int) -> dict[str, Any]:
    return {"gridPos": {"x": left, "y": top, "w": width, "h": height}}


def _panel(panel: Panel, number: int, left: int, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        **_at(left, top, panel.width, _HEIGHTS[panel.kind]),
        "targets": [_target(query, "ABCDEFGH"[place], panel) for place, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(query: Query, letter: str, panel: Panel) -> dict[str, Any]:
    is_instant = panel.kind != "timeseries"
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "instant": is_instant,
        "range": not is_instant,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": _UNITS.get(panel.unit, panel.unit), "noValue": "none"}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.is_stacked else "none", "group": "A"}
        defaults |= {"min": 0, "custom": {"fillOpacity": 30 if panel.is_stacked else 0, "stacking": stacking}}
    if panel.highest is not None:
        defaults |= {"max": panel.highest}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "textMode": "value_and_name"}
    return {"showHeader": True}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.expression, "refId": variable.name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }
