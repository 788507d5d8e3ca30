"""Competitors take turns; the first round is dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from ops.bench.inference.driver_process import DriverProcess
from ops.bench.quantile import quantile
from ops.bench.turn_process import CompetitorFailed

Measured = dict[str, Any]


def in_turns(
    competitors: dict[str, DriverProcess],
    names: tuple[str, ...],
    rounds: int,
    measure: Callable[[DriverProcess, int], Measured],
    say: Callable[[str], None],
) -> dict[str, list[Measured]]:
    """Measure each of some competitors once a round; one that fails is taken out of `competitors`.

    Args:
        competitors: all that run, by name.
        names: of those that take part.
        rounds: those that count; one more comes before and is dropped.
        measure: runs a command; gets the number of the round, from 0.
        say: reports failures.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in names if name in competitors}
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:  # nobody is always first
            if name not in competitors:
                continue
            try:
                run = measure(competitors[name], number)
            except CompetitorFailed as error:
                say(f"{name} is left out: {error}")
                competitors.pop(name).close()
                measured.pop(name)
            else:
                measured[name] += [run] if number else []
    return measured


def items_per_second(run: Measured) -> float:
    """Return the throughput of a saturated run."""
    return float(run["items"] / run["wall_seconds"])


def unhindered_items_per_second(run: Measured) -> float:
    """Return the throughput without the time in which the computing thread was ready, but other processes had the
    cores."""
    return float((run["items"] + run["late_items"]) / (run["total_seconds"] - run["ready_seconds"]))


def cpu_milliseconds(run: Measured) -> float:
    """Return the CPU time of an item, of all processes of the competitor and its callers."""
    return float(1000 * run["cpu_seconds"] / max(1, run["items"] + run["late_items"]))


def percentile(run: Measured, share: float) -> float:
    """Return a percentile of the latencies in milliseconds; the highest one if there are too few for it."""
    return 1000 * quantile(sorted(run["latencies_seconds"]), share)


def half_load_per_second(saturated: Mapping[str, list[Measured]]) -> float:
    """Return half the throughput of the slowest competitor: a rate that all can bear."""
    return 0.5 * min(median(map(items_per_second, runs)) for runs in saturated.values())
