"""A plan and its trial as rows: name, amount and reason, for people; the same numbers as JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ops.sizing.plan import FleetPlan
from ops.sizing.profile import Profile
from ops.sizing.quantity import FIGURES
from ops.sizing.rate import DAY_SECONDS
from ops.sizing.trial import SizingTrial
from ops.sizing.workers import up

Row = tuple[str, str, str]
"""Name, amount, reason."""


def rows(plan: FleetPlan, profile: Profile, trial: SizingTrial | None) -> Iterator[Row]:
    """Return the table, from the rate to the bill."""
    yield from _traffic(plan, profile)
    yield from _workers(plan, profile)
    yield from _store(plan, profile)
    yield from _log(plan, profile)
    yield from _accelerators(plan, profile)
    yield from _bill(plan)
    if trial is not None:
        yield from _trial(trial)


def assumptions(profile: Profile, *, is_all: bool = False) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, value with unit, meaning and origin of every figure that is not measured; of all with `is_all`."""
    for name, each in profile.figures.items():
        if is_all or each.origin != "measured":
            yield name, f"{amount(each.value)} {each.unit}", FIGURES[name].says, f"{each.origin}: {each.source}"


def as_json(plan: FleetPlan, profile: Profile, trial: SizingTrial | None) -> dict[str, Any]:
    """Return everything, with every figure that it depends on."""
    return {
        "plan": msgspec.to_builtins(plan),
        "usd_per_day": plan.bill.total_usd,
        "joules_per_day": plan.bill.total_joules,
        "simulated": msgspec.to_builtins(trial) if trial else None,
        "profile": msgspec.to_builtins(profile),
    }


def amount(value: float) -> str:
    """Return a number with three significant digits and thousands separators."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def _bytes(value: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{amount(value / size)} {unit}"
    return f"{amount(value)} B"


def _traffic(plan: FleetPlan, profile: Profile) -> Iterator[Row]:
    per_day = plan.videos_per_second * DAY_SECONDS
    yield "uploads a day", amount(per_day), f"{plan.videos_per_second:g} a second, the mean of the day"
    peak = plan.videos_per_second * profile["peak_ratio"]
    yield "busiest hour", f"{amount(peak)} videos/s", f"{profile['peak_ratio']:g} times the mean"


def _workers(plan: FleetPlan, profile: Profile) -> Iterator[Row]:
    cells, workers = plan.cells, plan.workers
    others = {reason: asked for reason, asked in cells.asked_by.items() if reason != cells.bound_by}
    second = max(others, key=lambda reason: others[reason])
    yield "cells", amount(cells.number), f"asked for by {cells.bound_by}; {second} would ask for {up(others[second])}"
    yield (
        "media workers",
        amount(cells.all_media_workers),
        f"{cells.media_workers} a cell, {profile['spare_workers']:g} of them spare; {workers.media_capacity_hz:.3g} "
        f"videos/s each, aimed at {profile['utilisation']:.0%}",
    )
    for role, number in cells.light_workers.items():
        needed = workers.light_cores[role]
        yield f"{role} workers", amount(cells.number * number), f"{number} a cell, one core each; work for {needed}"
    why = f"of each topic in a cell; {profile['partitions_per_worker']:g} times its largest group, at least 8"
    yield "partitions", str(cells.partitions), why


def _store(plan: FleetPlan, profile: Profile) -> Iterator[Row]:
    largest = sorted(plan.memory.bytes_by_kind.items(), key=lambda each: -each[1])[:3]
    words = ", ".join(f"{kind} {_bytes(value)}" for kind, value in largest)
    days = f"{profile['redis_kept_days']:g} days kept"
    yield "Redis data", _bytes(plan.memory.total_bytes), f"{days}, without copies; most: {words}"
    yield "Redis data of a cell", _bytes(plan.cells.redis_bytes), f"fills {profile['redis_fill_ratio']:.0%} at most"


def _log(plan: FleetPlan, profile: Profile) -> Iterator[Row]:
    log = plan.log
    yield "written to brokers", f"{_bytes(log.written)}/s", "busiest hour, by producers, not compressed"
    yield "copied between them", f"{_bytes(log.copied)}/s", f"{profile['copies']:g} copies"
    yield "read from brokers", f"{_bytes(log.read)}/s", f"outcomes by {profile['outcome_readers']:g} groups"
    yield "broker disk", _bytes(log.disk_bytes), "all copies, at the retention of each topic"
    yield "brokers", amount(log.brokers), f"asked for by {log.bound_by}"
    yield "media read", f"{_bytes(plan.media_bytes_per_second)}/s", "busiest hour, from the source of the media"


def _accelerators(plan: FleetPlan, profile: Profile) -> Iterator[Row]:
    found = plan.accelerators
    mark = "MODELLED, none was measured" if found.is_modelled else "measured"
    yield (
        "or accelerators",
        amount(found.number),
        f"instead of media workers; full first: {found.bound_by}; {mark}: "
        f"{profile['accelerator_speed_ratio']:g} cores of model work each",
    )
    yield (
        "their host cores",
        amount(found.host_cores),
        f"${amount(found.usd_per_day)} and {amount(found.joules_per_day / 3.6e6)} kWh a day, both",
    )


def _bill(plan: FleetPlan) -> Iterator[Row]:
    videos = plan.videos_per_second * DAY_SECONDS
    bill = plan.bill
    parts = sorted(bill.usd_per_day.items(), key=lambda each: -each[1])
    words = ", ".join(f"{what} {usd / max(1e-12, bill.total_usd):.0%}" for what, usd in parts[:4])
    yield "money a day", f"${amount(bill.total_usd)}", words
    yield "money a million videos", f"${amount(bill.total_usd / videos * 1e6)}", "all of the above"
    kwh = bill.total_joules / 3.6e6
    yield "energy a day", f"{amount(kwh)} kWh", f"{bill.total_joules:.3g} J, modelled by the price table"
    yield "energy a video", f"{amount(bill.total_joules / videos)} J", f"{amount(kwh * 1000 / 24)} W all day"


def _trial(trial: SizingTrial) -> Iterator[Row]:
    low, high = trial.p99_range_seconds or (trial.p99_seconds, trial.p99_seconds)
    yield (
        "simulated p99",
        f"{trial.p99_seconds:.1f} s ({low:.1f} to {high:.1f})",
        f"upload to verdict; three runs of some {trial.num_videos} videos, a cell's busiest hour, with workers lost",
    )
    yield "simulated p50, p95", f"{trial.p50_seconds:.1f} s, {trial.p95_seconds:.1f} s", f"{trial.busy_ratio:.0%} busy"
