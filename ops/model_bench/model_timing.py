"""Measures models on the device at hand: every batch size, number of threads, engine and precision of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import get_args

import numpy as np

from models.card import Card
from operators.energy import EnergyCounter
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.compute_mode import EnginePreference
from operators.inference.operating_points import OperatingPoint, SizeTiming, knee_of
from operators.inference.precision import PrecisionPreference
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.runner import LoadModule, Runner
from schemas.counted import counted

MEASURE_SECONDS, QUICK_MEASURE_SECONDS = 4.0, 0.6
"""Shortest time for one configuration, divided among its batch sizes, which take turns."""
LEAST_TURNS, QUICK_LEAST_TURNS = 9, 5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TimedModel:
    """A model with its points, and what the energy meter counted."""

    card: Card
    points: tuple[OperatingPoint, ...]
    device: str
    """Name of the backend that ran it."""
    watts: float | None
    """Mean metered power of the device while it worked; None if no meter can be read."""


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """What is measured, and how long.

    Args:
        device: a name of `operators.inference.backend_registry.BACKENDS`.
        config: of the device; engine, precision and threads are replaced.
        load_module: builds a card's module.
        threads: numbers of threads.
        energy: the device's meter; None if none can be read.
        is_quick: shorter.
        say: reports progress.
    """

    device: str
    config: BackendConfig
    load_module: LoadModule
    threads: tuple[int, ...]
    energy: EnergyCounter | None
    is_quick: bool
    say: Say

    def of(self, card: Card) -> TimedModel:
        """Measure one model in all its configurations."""
        joules, busy_seconds, points = 0.0, 0.0, []
        for runner, config in self._runners(card):
            before = None if self.energy is None else self.energy.joules()
            began = time.perf_counter()
            point = self._point(runner, config.num_threads)
            busy_seconds += time.perf_counter() - began
            after = None if self.energy is None else self.energy.joules()
            joules += after - before if before is not None and after is not None else 0.0
            points.append(point)
            self.say(_line(card, point))
        return TimedModel(card, tuple(points), self.device, joules / busy_seconds if joules else None)

    def _runners(self, card: Card) -> Iterator[tuple[Runner, BackendConfig]]:
        """Yield an open runner for each configuration; a preference that leads to a mode seen before is left
        out."""
        for num_threads in self.threads:
            seen = set()
            for config in configurations(replace(self.config, num_threads=num_threads)):
                runner = Runner(card, self.load_module, open_backend(self.device, config))
                try:
                    runner.open()
                except ValueError:
                    continue  # this machine has not that engine, or not in that precision
                try:
                    if runner.mode not in seen:
                        seen.add(runner.mode)
                        yield runner, config
                finally:
                    runner.close()

    def _point(self, runner: Runner, num_threads: int) -> OperatingPoint:
        seconds, turns = (QUICK_MEASURE_SECONDS, QUICK_LEAST_TURNS) if self.is_quick else (MEASURE_SECONDS, LEAST_TURNS)
        timings = time_sizes(runner, runner.supported_sizes, seconds, turns)
        return OperatingPoint(runner.mode, num_threads, knee_of(timings).batch_size, timings)


def configurations(config: BackendConfig) -> Iterator[BackendConfig]:
    """Yield a configuration for each way to compute that settings can prefer."""
    for engine, precision in product(get_args(EnginePreference), get_args(PrecisionPreference)):
        if "auto" not in (engine, precision):
            yield replace(config, engine=engine, precision=precision)


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on, and the number of cores."""
    powers = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return (*powers, cores)


def time_sizes(
    runner: Runner,
    sizes: Sequence[int],
    seconds: float,
    least_turns: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[SizeTiming, ...]:
    """Run full batches of each size in turns, so that other load on the machine affects all alike.

    The first turn is dropped. The least wall time counts: longer ones contain what other processes took.
    """
    batches = {size: list(warm_up_batch(runner.card, size)) for size in sizes}
    walls: dict[int, list[float]] = {size: [] for size in sizes}
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    began = clock()
    while len(walls[sizes[-1]]) <= least_turns or clock() - began < seconds:
        for size, rows in batches.items():
            wall, cost = _run(runner, rows, size, clock)
            walls[size].append(wall)
            costs[size].append(cost)
    return tuple(SizeTiming(size, min(walls[size][1:]), median(costs[size][1:])) for size in sizes)


def _run(runner: Runner, rows: Sequence[np.ndarray], size: int, clock: Callable[[], float]) -> tuple[float, float]:
    before, began = runner.device_seconds, clock()
    runner.run(rows, size)
    return clock() - began, runner.device_seconds - before


def _line(card: Card, point: OperatingPoint) -> str:
    knee = next(timing for timing in point.timings if timing.batch_size == point.batch_size)
    return (
        f"{card.name} in {point.mode} with {counted(point.num_threads, 'thread')}: "
        f"{knee.items_per_second:.3g} items/s in batches of {point.batch_size}, {1000 * knee.batch_seconds:.3g} ms"
    )
