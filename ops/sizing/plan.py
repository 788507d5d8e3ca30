"""The complete plan for a rate: pure arithmetic, the same for the same profile."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.accelerators import Accelerators, accelerators_for
from ops.sizing.bill import Bill, bill_for
from ops.sizing.cells import Cells, cells_for
from ops.sizing.log_traffic import LogTraffic, log_traffic
from ops.sizing.profile import Profile
from ops.sizing.rate import checked_rate
from ops.sizing.store_memory import StoreMemory, store_memory
from ops.sizing.workers import Workers, workers_for


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Resources for a rate."""

    videos_per_second: float
    workers: Workers
    cells: Cells
    memory: StoreMemory
    log: LogTraffic
    media_bytes_per_second: float
    """Read from media sources, in the busiest hour."""
    accelerators: Accelerators
    bill: Bill


def plan_for(profile: Profile, videos_per_second: float) -> FleetPlan:
    """Compute the plan. Raises InvalidProfile for a rate that cannot be sized."""
    rate = checked_rate(videos_per_second)
    workers = workers_for(profile, rate)
    memory = store_memory(profile, rate)
    cells = cells_for(profile, rate, workers, memory)
    log = log_traffic(profile, rate)
    return FleetPlan(
        videos_per_second=rate,
        workers=workers,
        cells=cells,
        memory=memory,
        log=log,
        media_bytes_per_second=rate * profile["peak_ratio"] * profile["media_bytes_per_video"],
        accelerators=accelerators_for(profile, rate),
        bill=bill_for(profile, rate, cells, log),
    )
