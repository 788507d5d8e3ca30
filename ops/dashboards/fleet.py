"""The fleet: does it keep up, how long does an upload wait, what is busy, what does it cost, what goes wrong."""

from __future__ import annotations

from typing import Final

from ops.dashboards.fleet_flow import LATENCY, OVERVIEW, THROUGHPUT
from ops.dashboards.fleet_machines import BATCHES, COST
from ops.dashboards.fleet_trouble import TROUBLE, WHO
from ops.dashboards.panels import Dashboard

FLEET: Final = Dashboard(
    "vidsignal-fleet",
    "Vidsignal: fleet",
    "Does it keep up, how long does an upload wait, what is busy, what does it cost, what goes wrong.",
    (OVERVIEW, THROUGHPUT, LATENCY, BATCHES, COST, TROUBLE, WHO),
)
