"""Trials of a plan: simulations of its cell in its busiest hour."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ops.bench.arrivals import Arrivals
from ops.sizing.cells import Cells
from ops.sizing.plan import plan_for
from ops.sizing.profile import Profile
from ops.sizing.quantity import InvalidProfile
from ops.sizing.rate import DAY_SECONDS
from ops.sizing.scaling import ByLag, Fixed, Scaling
from ops.sizing.shared_worker import WorkerModel
from ops.sizing.simulation import CellModel, Simulated, Troubles, simulate
from ops.sizing.workers import media_capacity_hz, up

SLOTS = 8
"""Default slots of a media worker."""
SEEDS = (1, 2, 3)
"""Of a plan's trials; the plot uses the first."""
_LEAST_VIDEOS, _MOST_VIDEOS = 4_000, 40_000
"""Limits of a trial; between them it lasts half an hour."""
_USUAL_SECONDS = 1_800.0
_LOSS_AT_SHARE = 1 / 3
UTILISATIONS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LAG_THRESHOLDS = (4.0, 8.0, 16.0, 32.0, 100.0)
"""Uploads per worker, tried by the plot; `ops/kubernetes/base/scaling.yaml` has one of them."""
TELLING_WORKERS = 12
"""Minimum workers of a cell in which policies are compared: with two or three, every policy is the same fleet."""


@dataclass(frozen=True, slots=True)
class SizingTrial:
    """One simulated policy."""

    policy: str
    """`fixed` or `by lag`."""
    setting: float
    """Target utilisation, or lag threshold."""
    num_workers: int
    """At the start."""
    videos_per_second: float
    """Mean of the trial."""
    num_videos: int
    num_lost: int
    p50_seconds: float
    p95_seconds: float
    p99_seconds: float
    busy_ratio: float
    usd_per_million: float
    """Media workers only, paid from their request to their end."""
    p99_range_seconds: tuple[float, float] | None = None
    """Lowest and highest of several runs."""


def try_plan(profile: Profile, cells: Cells) -> SizingTrial:
    """Simulate a recommended cell in its busiest hour with one lost worker; return the run with the median p99."""
    rate = cells.videos_per_second * profile["peak_ratio"]
    cell = cell_model(profile, rate, cells.media_workers, cells.partitions)
    utilisation = rate / (cells.media_workers * media_capacity_hz(profile))
    trials = [_tried(profile, "fixed", utilisation, cell, Fixed(cells.media_workers), seed) for seed in SEEDS]
    trials.sort(key=lambda trial: trial.p99_seconds)
    ends = (trials[0].p99_seconds, trials[-1].p99_seconds)
    return replace(trials[len(trials) // 2], p99_range_seconds=ends)


def utilisation_for(profile: Profile, videos_per_second: float, p99_seconds: float) -> Profile:
    """Return the profile with the highest utilisation whose plan keeps the p99 in the simulation.

    Raises:
        InvalidProfile: not even the lowest does.
    """
    best = float("inf")
    for utilisation in reversed(UTILISATIONS):
        tried = profile.with_options({"utilisation": utilisation})
        found = try_plan(tried, plan_for(tried, videos_per_second).cells).p99_seconds
        if found <= p99_seconds:
            return tried
        best = min(best, found)
    raise InvalidProfile(f"a p99 of {p99_seconds!r} s is out of reach: the best of the fleets tried has {best:.1f} s")


def telling_cell(profile: Profile, cells: Cells) -> Cells:
    """Return a plan's cell; if it has only few workers, a similar one with enough to compare policies."""
    if cells.media_workers >= TELLING_WORKERS:
        return cells
    busiest_hz = TELLING_WORKERS * media_capacity_hz(profile) * profile["utilisation"]
    return replace(
        cells,
        media_workers=TELLING_WORKERS,
        partitions=max(cells.partitions, up(TELLING_WORKERS * profile["partitions_per_worker"])),
        videos_per_second=busiest_hz / profile["peak_ratio"],
    )


def try_policies(profile: Profile, cells: Cells, say: Callable[[str], None]) -> list[SizingTrial]:
    """Simulate a cell's rate with fixed fleets of several sizes, and with fleets scaled by several lags.

    Args:
        profile: of the workers.
        cells: of which one is simulated, see `telling_cell`.
        say: called with a description of each trial.
    """
    rate = cells.videos_per_second * profile["peak_ratio"]
    trials = []
    sizes = {up(rate / (media_capacity_hz(profile) * each)): each for each in reversed(UTILISATIONS)}
    for number, utilisation in sizes.items():
        cell = cell_model(profile, rate, number, cells.partitions)
        trials.append(_tried(profile, "fixed", utilisation, cell, Fixed(number), SEEDS[0]))
        say(described(trials[-1]))
    for threshold in LAG_THRESHOLDS:
        cell = cell_model(profile, rate, cells.media_workers, cells.partitions)
        scaling = ByLag(threshold, least=2, most=min(cells.partitions, int(profile["workers_per_cell"])))
        trials.append(_tried(profile, "by lag", threshold, cell, scaling, SEEDS[0]))
        say(described(trials[-1]))
    return trials


def described(trial: SizingTrial) -> str:
    """One line."""
    what = f"{trial.setting:.0%} full" if trial.policy == "fixed" else f"lag {trial.setting:g} a worker"
    return (
        f"{trial.policy}, {what}: p50 {trial.p50_seconds:.1f} s, p95 {trial.p95_seconds:.1f} s, "
        f"p99 {trial.p99_seconds:.1f} s, ${trial.usd_per_million:.2f} a million videos, {trial.busy_ratio:.0%} busy"
    )


def cell_model(profile: Profile, videos_per_second: float, num_workers: int, partitions: int) -> CellModel:
    """Return a cell of the profile at a rate."""
    times = profile.video_cpu_seconds
    scale = profile["media_cpu_seconds_per_video"] * len(times) / sum(times)  # what no receipt tells is spread evenly
    return CellModel(
        worker=WorkerModel.from_profile(profile, SLOTS),
        num_workers=num_workers,
        partitions=partitions,
        arrivals=Arrivals(videos_per_second, profile["burst_ratio"], profile["burst_seconds"], profile["burst_share"]),
        work_cpu_seconds=[each * scale for each in times],
        beside_seconds=profile["media_beside_seconds"],
        troubles=Troubles(
            loss_hz=num_workers * profile["losses_per_worker_day"] / DAY_SECONDS,
            first_loss_seconds=_LOSS_AT_SHARE * horizon_seconds(videos_per_second),
            detection_seconds=profile["detection_seconds"],
            rebalance_seconds=profile["rebalance_seconds"],
            start_seconds=profile["start_seconds"] + profile["worker_ready_seconds"],
        ),
    )


def horizon_seconds(videos_per_second: float) -> float:
    """Return half an hour; longer for few videos, shorter for many."""
    return min(max(_USUAL_SECONDS, _LEAST_VIDEOS / videos_per_second), max(600.0, _MOST_VIDEOS / videos_per_second))


def _tried(profile: Profile, policy: str, setting: float, cell: CellModel, scaling: Scaling, seed: int) -> SizingTrial:
    rate = cell.arrivals.mean_hz
    found: Simulated = simulate(cell, scaling, horizon_seconds(rate), seed)
    paid_usd = found.paid_worker_seconds * profile["worker_cores"] * profile["usd_per_core_hour"] / 3_600
    return SizingTrial(
        policy=policy,
        setting=setting,
        num_workers=cell.num_workers,
        videos_per_second=rate,
        num_videos=len(found.latencies_seconds),
        num_lost=found.num_lost,
        p50_seconds=found.quantile_seconds(0.5),
        p95_seconds=found.quantile_seconds(0.95),
        p99_seconds=found.quantile_seconds(0.99),
        busy_ratio=found.busy_ratio,
        usd_per_million=paid_usd * 1e6 / max(1.0, math.floor(rate * horizon_seconds(rate))),
    )
