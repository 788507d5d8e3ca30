"""`bench inference`: the batcher compared with a bare loop, LitServe and PyTriton, with the models of all cards."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from models.card_registry import CARDS
from ops.assets import fetch_weights
from ops.bench.inference.benched_model import BRIEF_BATCH_SIZES, BRIEF_ITEM_VALUES, BRIEF_MODEL, BenchedModel
from ops.bench.inference.brief_model import multiplications_of
from ops.bench.inference.competitor_names import BARE, LITSERVE, PACKAGES, PYTRITON, VIDSIGNAL
from ops.bench.inference.driver_process import DriverProcess
from ops.bench.inference.endurance import endure
from ops.bench.inference.environment import CompetitorEnvironment, find_competitors
from ops.bench.inference.figures import (
    endurance_figures,
    half_load_figures,
    lane_figures,
    padding_figure,
    saturated_figures,
    single_item_figures,
)
from ops.bench.inference.report import InferenceReport
from ops.bench.inference.turns import Measured, half_load_per_second, in_turns, items_per_second
from ops.bench.machine import describe_machine
from ops.bench.one_thread import ONE_THREAD
from ops.bench.options import BenchOptions
from ops.bench.report import Figure
from ops.bench.turn_process import CompetitorFailed
from ops.local.scratch import scratch_dir
from streams.config.settings import read_settings

BRIEF_SECONDS = 0.001
CALLERS_PER_ROW = 4
"""Concurrent callers per row of the largest batch: enough to fill every batch of every competitor."""
QUICK_MODEL = "efficientnet-lite0"
LANES_MODEL = "efficientnet-lite0"
LIVE_LOAD_RATIO = 0.3
"""Of the throughput; a moderate load, under which live videos sometimes meet."""
VIDEO_ITEMS = 8
SERVERS = (LITSERVE, PYTRITON)


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the parts of the benchmark take."""

    rounds: int
    saturated_seconds: float
    rate_seconds: float
    single_rounds: int
    """Short ones, because single items take milliseconds: other load changes less from turn to turn."""
    lane_seconds: float
    endurance_items: int


FULL = Lengths(5, 1.0, 2.0, 25, 4.0, 100_000)
QUICK = Lengths(2, 1.0, 2.0, 9, 4.0, 10_000)
SINGLE_ITEMS = 8
"""In a turn."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all models share."""

    folder: Path
    environment: CompetitorEnvironment
    variables: dict[str, str]
    lengths: Lengths
    options: BenchOptions


def bench_inference(options: BenchOptions) -> InferenceReport:
    """Measure; some fifteen minutes, or three with `is_quick`."""
    fetch_weights(read_settings().cache_dir)
    environment = find_competitors(options.competitors)
    lengths = QUICK if options.is_quick else FULL
    with scratch_dir() as folder:
        (site := folder / "site").mkdir()
        stage = Stage(folder, environment, environment.variables(site), lengths, options)
        figures = [figure for benched in _benched_models(options) for figure in _measure_model(stage, benched)]
    options.say(f"{lengths.endurance_items} items with poison and cancellations ...")
    figures += endurance_figures(asyncio.run(endure(lengths.endurance_items)))
    return InferenceReport("inference", describe_machine(), tuple(figures), remarks=_remarks(environment, lengths))


def _benched_models(options: BenchOptions) -> Iterator[BenchedModel]:
    yield BenchedModel(BRIEF_MODEL, multiplications_of(BRIEF_SECONDS, BRIEF_ITEM_VALUES, BRIEF_BATCH_SIZES[-1]))
    for name, card in CARDS.items():
        if card.batch_sizes and (name == QUICK_MODEL or not options.is_quick):
            yield BenchedModel(name)


def _measure_model(stage: Stage, benched: BenchedModel) -> list[Figure]:
    with _opened(stage, benched) as competitors:
        saturated = _saturated(stage, competitors)
        stage.options.say(
            f"{benched.model}: "
            + ", ".join(f"{name} {items_per_second(runs[-1]):.0f}/s" for name, runs in saturated.items())
        )
        asked = {name: runs for name, runs in saturated.items() if name != BARE}
        at_half = _at_half_load(stage, competitors, half_load_per_second(asked))
        singles = _one_at_a_time(stage, competitors)
        figures = [
            *saturated_figures(benched.model, saturated),
            *half_load_figures(benched.model, at_half),
            *single_item_figures(benched.model, singles),
            padding_figure(benched.model, "saturated", saturated[VIDSIGNAL]),
            padding_figure(benched.model, "half load", at_half[VIDSIGNAL]),
        ]
        if benched.model == LANES_MODEL:
            figures += _lanes(stage, competitors[VIDSIGNAL], benched, saturated[VIDSIGNAL])
        return figures


@contextmanager
def _opened(stage: Stage, benched: BenchedModel) -> Iterator[dict[str, DriverProcess]]:
    """Start all competitors; the batch sizes that Vidsignal selects are those of all."""
    stage.options.say(f"{benched.model}: starting ...")
    competitors: dict[str, DriverProcess] = {}
    with ExitStack() as closing:
        closing.callback(_close_all, competitors)
        for name in (VIDSIGNAL, BARE, *(name for name in SERVERS if name in stage.environment.versions)):
            try:
                competitors[name] = _start(stage, name, benched)
            except CompetitorFailed as error:
                if name not in SERVERS:
                    raise
                stage.options.say(f"{name} is left out: {error}")
            else:
                benched = BenchedModel(benched.model, benched.multiplications, competitors[VIDSIGNAL].sizes)
        yield competitors


def _close_all(competitors: dict[str, DriverProcess]) -> None:
    for competitor in competitors.values():
        competitor.close()


def _start(stage: Stage, name: str, benched: BenchedModel) -> DriverProcess:
    log_path = stage.folder / f"{name}-{benched.model}.log"
    if name in SERVERS:
        return DriverProcess(
            name, benched, log_path, stage.environment.python, {**os.environ, **ONE_THREAD, **stage.variables}
        )
    return DriverProcess(name, benched, log_path, sys.executable, {**os.environ, **ONE_THREAD})


def _saturated(stage: Stage, competitors: dict[str, DriverProcess]) -> dict[str, list[Measured]]:
    callers = CALLERS_PER_ROW * competitors[VIDSIGNAL].sizes[-1]

    def measure(competitor: DriverProcess, _number: int) -> Measured:
        options = {} if competitor.name == BARE else {"callers": callers}
        return competitor.measure("saturate", seconds=stage.lengths.saturated_seconds, **options)

    names = (VIDSIGNAL, BARE, *SERVERS)
    return in_turns(competitors, names, stage.lengths.rounds, measure, stage.options.say)


def _at_half_load(stage: Stage, competitors: dict[str, DriverProcess], per_second: float) -> dict[str, list[Measured]]:
    def measure(competitor: DriverProcess, number: int) -> Measured:
        return competitor.measure("rate", per_second=per_second, seconds=stage.lengths.rate_seconds, seed=number)

    return in_turns(competitors, (VIDSIGNAL, *SERVERS), stage.lengths.rounds, measure, stage.options.say)


def _one_at_a_time(stage: Stage, competitors: dict[str, DriverProcess]) -> dict[str, list[Measured]]:
    def measure(competitor: DriverProcess, _number: int) -> Measured:
        return competitor.measure("one", count=SINGLE_ITEMS)

    return in_turns(competitors, (VIDSIGNAL, BARE), stage.lengths.single_rounds, measure, stage.options.say)


def _lanes(stage: Stage, competitor: DriverProcess, benched: BenchedModel, saturated: list[Measured]) -> list[Figure]:
    per_second = LIVE_LOAD_RATIO * median(map(items_per_second, saturated))
    found: list[Figure] = []
    for video_items in (1, VIDEO_ITEMS):
        lanes = partial(
            competitor.measure,
            "lanes",
            per_second=per_second / video_items,
            seconds=stage.lengths.lane_seconds,
            video_items=video_items,
        )
        rounds = [
            (lanes(seed=number, with_backfill=False), lanes(seed=number, with_backfill=True))
            for number in range(stage.lengths.rounds + 1)
        ]
        found += lane_figures(benched.model, video_items, rounds[1:])
    return found


def _remarks(environment: CompetitorEnvironment, lengths: Lengths) -> tuple[str, ...]:
    missing = [
        f"{name} is not installed, and was left out: give --competitors an environment with {PACKAGES[name]}"
        for name in SERVERS
        if name not in environment.versions
    ]
    present = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    return (
        *missing,
        f"competitors: {present or 'none'}; {lengths.rounds} rounds in turns after one that is dropped",
        "the same compiled model on one thread, the same batch sizes, one item a call; a competitor is paused outside "
        "of its turns",
        "LitServe and PyTriton are servers: their figures include HTTP and gRPC on loopback, which the batcher, in the "
        "process of its callers, does not need",
    )
