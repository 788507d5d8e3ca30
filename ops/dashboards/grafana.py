"""From a dashboard to Grafana's JSON, by Grafana's own builders, which are `dev` dependencies."""

from __future__ import annotations

from itertools import count
from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as page
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard as GrafanaDashboard,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from ops.dashboards.panels import Dashboard, Panel, Query, Variable

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="vidsignal-prometheus")
"""As named in `ops/grafana/provisioning/datasources`."""
_UNITS: Final = {"cores": "short"}
_PanelBuilder = timeseries.Panel | stat.Panel | table.Panel


def dashboard_text(dashboard: Dashboard) -> str:
    """Return the file's text."""
    return JSONEncoder(indent=2, ensure_ascii=False, sort_keys=True).encode(grafana_dashboard(dashboard)) + "\n"


def grafana_dashboard(dashboard: Dashboard) -> GrafanaDashboard:
    """Return what Grafana's provisioning reads; panels are placed from left to right below the heading of their row."""
    built = (
        page.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags(["vidsignal"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-3h", "now")
        .variables([_variable(variable) for variable in dashboard.variables])
    )
    number = count(1)
    for row in dashboard.rows:
        built.with_row(page.Row(row.title).id(next(number)))
        for panel in row.panels:
            built.with_panel(_panel(panel).id(next(number)))
    return built.build()


def _panel(panel: Panel) -> _PanelBuilder:
    built = _styled(panel).title(panel.title).description(panel.description).datasource(DATASOURCE)
    built.unit(_UNITS.get(panel.unit, panel.unit)).no_value("none").span(panel.width)
    if panel.highest is not None:
        built.max(panel.highest)
    for place, query in enumerate(panel.queries):
        built.with_target(_target(query, "ABCDEFGH"[place], panel))
    return built


def _styled(panel: Panel) -> _PanelBuilder:
    match panel.kind:
        case "stat":
            shown = common.ReduceDataOptions().calcs(["lastNotNull"])
            values = stat.Panel().height(4).reduce_options(shown).color_mode(BigValueColorMode.NONE)
            return values.text_mode(BigValueTextMode.VALUE_AND_NAME)
        case "table":
            return table.Panel().height(8)
    legend = common.VizLegendOptions().show_legend(True)
    legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    lines = timeseries.Panel().height(8).min(0).legend(legend).tooltip(tooltip)
    if panel.is_stacked:
        lines.fill_opacity(30).stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    return lines


def _target(query: Query, letter: str, panel: Panel) -> prometheus.Dataquery:
    built = prometheus.Dataquery().expr(query.expression).ref_id(letter).datasource(DATASOURCE)
    built.legend_format(query.legend or "__auto")
    built.format(PromQueryFormat.TABLE if panel.kind == "table" else PromQueryFormat.TIME_SERIES)
    return built.range() if panel.kind == "timeseries" else built.instant()


def _variable(variable: Variable) -> page.QueryVariable:
    built = page.QueryVariable(variable.name).label(variable.label).query(variable.expression).datasource(DATASOURCE)
    built.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return built.multi(True).include_all(True).all_value(".*")
