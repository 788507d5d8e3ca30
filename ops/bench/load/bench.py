"""`bench load`: steps of offered load until the machine no longer keeps up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic
from typing import Final

from msgspec.structs import replace

from operators.inference.backend_registry import open_device_energy
from ops.bench.clips import bench_uploads, clip_folders
from ops.bench.competitors import PipelineCompetitor, measure
from ops.bench.load.expense import MachinePrice
from ops.bench.load.flood import flood_figures
from ops.bench.load.mix import Mix
from ops.bench.load.open_loop import OpenLoop, Played, due_uploads
from ops.bench.load.report import LoadReport
from ops.bench.load.step import is_saturated
from ops.bench.load.step_figures import StepFigures
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.pipeline import StageTimes, ready_assets, stage_of
from ops.bench.quantile import quantile
from ops.bench.report import Figure
from ops.local.worker_process import WorkerProcess
from schemas.uploads import VideoUploaded
from streams.costs.power import open_core_energy
from streams.decision.cost import Prices, tokens_usd

LOADS: Final = (0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
QUICK_LOADS: Final = (0.4, 0.8, 1.6, 2.4)
"""Offered rates over that of a batch that is published at once; the first saturated step is the last."""
STEP_SECONDS, QUICK_STEP_SECONDS = 120.0, 25.0
STEP_UPLOADS, QUICK_STEP_UPLOADS = 100, 20
"""A step is longer on a machine where fewer would arrive, but not longer than the next figure."""
LONGEST_STEP_SECONDS: Final = 300.0
DRAIN_SECONDS: Final = 300.0
_SEED: Final = 14
MIX: Final = Mix()


def bench_load(options: BenchOptions) -> LoadReport:
    """Measure; about twenty minutes, or four with `is_quick`."""
    cache_dir = ready_assets()
    uploads = bench_uploads(cache_dir, options)
    with stage_of(cache_dir, clip_folders(uploads), options) as stage:
        options.say("starting a worker ...")
        worker = WorkerProcess(stage.folder, stage.environment)
        worker.open()
        pipeline = PipelineCompetitor(stage.settings, worker)
        try:
            capacity_hz = _capacity_hz(pipeline, uploads, options)
            load = LoadSteps(stage, pipeline, uploads, worker.ready["device"])
            steps = _steps(load, capacity_hz, options)
            flood = flood_figures(load.loop, uploads, capacity_hz, options)
        finally:
            pipeline.close()
    return _report(steps, capacity_hz, flood)


def _capacity_hz(pipeline: PipelineCompetitor, uploads: Sequence[VideoUploaded], options: BenchOptions) -> float:
    """Return the rate at which uploads that are published at once are answered; a first run warms up."""
    for name in ("warm", "batch"):
        run = measure(pipeline, [replace(upload, video_id=f"{name}-{upload.video_id}") for upload in uploads])
        options.say(
            f"a batch of {run.num_videos} at once: {run.videos_per_second:.2f} videos/s, "
            f"{run.cpu_seconds_per_video:.2f} CPU s a video ({name})"
        )
    return run.videos_per_second


class LoadSteps:
    """Plays the steps on one worker.

    Args:
        stage: broker and store.
        pipeline: the worker.
        clips: what is uploaded.
        device: name of the worker's device.
    """

    def __init__(
        self, stage: StageTimes, pipeline: PipelineCompetitor, clips: Sequence[VideoUploaded], device: str
    ) -> None:
        self.loop = OpenLoop(stage.settings, DRAIN_SECONDS)
        self._meter = pipeline.meters[0]
        self._clips = clips
        self._prices = Prices.from_settings(stage.settings)
        cores = len(os.sched_getaffinity(0))
        self._price = MachinePrice.from_settings(stage.settings, cores, has_accelerator=device != "cpu")
        counters = (open_core_energy(), None if device == "cpu" else open_device_energy(device))
        self._counters = [counter for counter in counters if counter is not None]

    def run(self, number: int, offered_hz: float, seconds: float) -> StepFigures:
        """Offer a rate for a time; return when its backlog is worked off."""
        schedule = due_uploads(
            f"load{number}", MIX.arrivals(offered_hz, seconds, len(self._clips), _SEED + number), self._clips
        )
        ends: list[tuple[float, float, float | None]] = []
        began, before, joules_before = self._look()
        played = self.loop.play(schedule, seconds, lambda: ends.append(self._look()))
        ended, after, joules_after = ends[0]
        metered = None if joules_before is None or joules_after is None else joules_after - joules_before
        return self._figures(played, ended - began, after - before, metered)

    def _look(self) -> tuple[float, float, float | None]:
        """Return time, CPU time and metered energy."""
        joules = [counter.joules() for counter in self._counters]
        is_metered = bool(joules) and None not in joules
        total = sum(each for each in joules if each is not None) if is_metered else None
        return monotonic(), self._meter.cpu_seconds(), total

    def _figures(
        self, played: Played, held_seconds: float, busy_core_seconds: float, metered_joules: float | None
    ) -> StepFigures:
        served = played.served
        modelled = self._price.joules(held_seconds, busy_core_seconds)
        latencies = served.latencies_seconds()
        usd = self._price.usd(held_seconds) + tokens_usd(*played.tokens, self._prices)
        return StepFigures(
            offered_videos_per_second=served.offered_hz,
            answered_videos_per_second=served.answered_hz,
            p50_seconds=quantile(latencies, 0.5),
            p99_seconds=quantile(latencies, 0.99),
            utilisation_ratio=busy_core_seconds / (self._price.cores * held_seconds),
            videos_per_usd=served.num_answered / usd,
            videos_per_joule=served.num_answered / (metered_joules or modelled),
            is_energy_modelled=not metered_joules,
            num_videos=len(latencies),
            backlog=served.backlog(served.window_seconds),
            latest_seconds=played.latest_seconds,
            is_saturated=is_saturated(served),
            tokens_per_usd=sum(played.tokens) / usd,
        )


def _steps(load: LoadSteps, capacity_hz: float, options: BenchOptions) -> list[StepFigures]:
    found: list[StepFigures] = []
    for number, share in enumerate(QUICK_LOADS if options.is_quick else LOADS):
        offered_hz = share * capacity_hz
        step = load.run(number, offered_hz, step_seconds(offered_hz, is_quick=options.is_quick))
        options.say(
            f"offered {step.offered_videos_per_second:.2f} videos/s: answered {step.answered_videos_per_second:.2f}, "
            f"p50 {step.p50_seconds:.2f} s, p99 {step.p99_seconds:.2f} s, {step.utilisation_ratio:.0%} busy"
            + (", saturated" if step.is_saturated else "")
        )
        found.append(step)
        if step.is_saturated:
            break
    return found


def step_seconds(offered_hz: float, *, is_quick: bool) -> float:
    """Return the duration of a step."""
    least_seconds, uploads = (QUICK_STEP_SECONDS, QUICK_STEP_UPLOADS) if is_quick else (STEP_SECONDS, STEP_UPLOADS)
    return min(max(least_seconds, uploads / offered_hz), LONGEST_STEP_SECONDS)


def _report(steps: Sequence[StepFigures], capacity_hz: float, flood: tuple[Figure, ...]) -> LoadReport:
    kept = [step for step in steps if not step.is_saturated]
    most = max((step.answered_videos_per_second for step in steps), default=0.0)
    figures = (
        Figure("a batch at once", capacity_hz, "videos/s"),
        Figure("highest offered rate that was kept up with",
               max((step.offered_videos_per_second for step in kept), default=0.0), "videos/s"),
        Figure("highest throughput", most, "videos/s"),
        *flood,
    )  # fmt: skip
    return LoadReport("load", describe_machine(), figures, remarks=_remarks(steps), steps=tuple(steps))


def _remarks(steps: Sequence[StepFigures]) -> tuple[str, ...]:
    return (
        "open loop: uploads are published at scheduled times, and latencies count from these",
        f"Poisson arrivals, {MIX.burst_share:.0%} of the time at {MIX.burst_ratio:g} times the rate; "
        f"{MIX.num_creators} creators by Zipf's law, each with at most {MIX.most_per_minute} uploads a minute; "
        "each clip occurs equally often",
        "saturated: throughput below the offered rate while the backlog grows"
        + ("" if any(step.is_saturated for step in steps) else "; no step was"),
        "dollars and joules are those of the whole machine during the step, busy or idle"
        + ("; energy is modelled by the price table" if any(step.is_energy_modelled for step in steps) else ""),
        "one worker with all roles; broker and Redis on the same cores, not counted as busy",
    )
