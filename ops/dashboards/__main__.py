"""Write the dashboards into `ops/grafana/dashboards`: run `python -m ops.dashboards` after changing one."""

from __future__ import annotations

from ops.dashboards.dashboard_registry import write

for path in write():
    print(path)
