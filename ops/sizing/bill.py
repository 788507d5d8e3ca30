"""Money and energy per day, by consumer."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.cells import Cells
from ops.sizing.log_traffic import LogTraffic
from ops.sizing.profile import Profile
from ops.sizing.rate import DAY_SECONDS

_DAY_HOURS, _MONTH_DAYS = 24.0, 30.0
_GIB, _GB, _TB = 2.0**30, 1e9, 1e12


@dataclass(frozen=True, slots=True)
class Bill:
    """A fleet of constant size, day and night, in its steady state."""

    usd_per_day: dict[str, float]
    joules_per_day: dict[str, float]

    @property
    def total_usd(self) -> float:
        """Per day."""
        return sum(self.usd_per_day.values())

    @property
    def total_joules(self) -> float:
        """Per day."""
        return sum(self.joules_per_day.values())


def bill_for(profile: Profile, videos_per_second: float, cells: Cells, log: LogTraffic) -> Bill:
    """Return the bill; cores and memory run all day, and their power depends on their load."""
    cores = _cores(profile, cells, log)
    busy = _busy_core_seconds(profile, videos_per_second)
    memory_gib = cells.redis_bytes * cells.number / profile["redis_fill_ratio"] * profile["redis_copies"] / _GIB
    moved_gb = (log.mean_written * DAY_SECONDS / _GB) * (log.copied + log.read + log.written) / max(1e-9, log.written)
    usd = {f"{what} cores": number * profile["usd_per_core_hour"] * _DAY_HOURS for what, number in cores.items()}
    usd |= {
        "Redis memory": memory_gib * profile["usd_per_memory_gib_hour"] * _DAY_HOURS,
        "broker disk": log.disk_bytes / _GB * profile["usd_per_disk_gb_month"] / _MONTH_DAYS,
        "network": moved_gb * profile["zone_crossing_ratio"] * profile["usd_per_network_gb"],
    }
    joules = {f"{what} cores": core_joules(profile, number, busy[what]) for what, number in cores.items()}
    joules |= {
        "Redis memory": memory_gib * profile["watts_per_memory_gib"] * DAY_SECONDS,
        "broker disk": log.disk_bytes / _TB * profile["watts_per_disk_tb"] * DAY_SECONDS,
    }
    return Bill(usd, {what: amount * profile["building_ratio"] for what, amount in joules.items()})


def _cores(profile: Profile, cells: Cells, log: LogTraffic) -> dict[str, float]:
    return {
        "media": cells.all_media_workers * profile["worker_cores"],
        "light role": float(cells.all_light_workers),
        "broker": log.brokers * profile["broker_cores"],
    }


def _busy_core_seconds(profile: Profile, videos_per_second: float) -> dict[str, float]:
    """Return busy core seconds per day, by consumer."""
    videos = videos_per_second * DAY_SECONDS
    light = (
        1 / profile["intake_videos_per_second_per_core"]
        + 1 / profile["verdict_videos_per_second_per_core"]
        + profile["engagement_events_per_video"] / profile["engagement_events_per_second_per_core"]
    )
    return {
        "media": videos * profile["media_cpu_seconds_per_video"],
        "light role": videos * light,
        "broker": videos * profile["broker_cpu_seconds_per_video"] * profile["copies"],
    }


def core_joules(profile: Profile, cores: float, busy_core_seconds: float) -> float:
    """Return joules per day: busy cores at full power, idle ones at a part of it."""
    idle = max(0.0, cores * DAY_SECONDS - busy_core_seconds)
    return profile["watts_per_core"] * (busy_core_seconds + profile["idle_watts_ratio"] * idle)
