"""What the runs of `bench inference` say, as figures with bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from ops.bench.inference.benched_model import BRIEF_MODEL
from ops.bench.inference.competitor_names import BARE, VIDSIGNAL
from ops.bench.inference.endurance import Endurance
from ops.bench.inference.turns import (
    Measured,
    cpu_milliseconds,
    items_per_second,
    percentile,
    unhindered_items_per_second,
)
from ops.bench.report import Bound, Figure, summarise

LEAST_OF_BARE_LOOP = 0.95
LEAST_OF_SERVERS = 1.0
LEAST_OF_SERVERS_IF_BRIEF = 2.0
MOST_ADDED_MILLISECONDS = 2.0
MOST_TIMES_ALONE = 2.0
MOST_PADDING = 0.1
MOST_GROWTH = 0.02


def saturated_figures(model: str, saturated: Mapping[str, list[Measured]]) -> list[Figure]:
    """Throughput of Vidsignal over each other competitor, then every throughput and CPU time."""
    ours = saturated[VIDSIGNAL]
    found = [
        summarise(
            f"{model}, throughput over {name}", _ratios(ours, runs), "ratio", Bound("at least", _least(model, name))
        )
        for name, runs in saturated.items()
        if name != VIDSIGNAL
    ]
    unhindered = [
        unhindered_items_per_second(one) / unhindered_items_per_second(other)
        for one, other in zip(ours, saturated[BARE], strict=True)
    ]
    found.append(
        summarise(
            f"{model}, throughput over {BARE}, without waits for a core",
            unhindered,
            "ratio",
            Bound("at least", LEAST_OF_BARE_LOOP),
        )
    )
    for name, runs in saturated.items():
        found += [
            summarise(f"{model}, {name}, throughput", list(map(items_per_second, runs)), "items/s"),
            summarise(f"{model}, {name}, processor", list(map(cpu_milliseconds, runs)), "CPU ms an item"),
        ]
    return found


def _least(model: str, name: str) -> float:
    if name == BARE:
        return LEAST_OF_BARE_LOOP
    return LEAST_OF_SERVERS_IF_BRIEF if model == BRIEF_MODEL else LEAST_OF_SERVERS


def _ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[float]:
    return [items_per_second(one) / max(items_per_second(other), 1e-9) for one, other in zip(ours, theirs, strict=True)]


def half_load_figures(model: str, runs: Mapping[str, list[Measured]]) -> list[Figure]:
    """99th percentile of Vidsignal over that of each server, then all of them."""
    ours = [percentile(run, 0.99) for run in runs[VIDSIGNAL]]
    found = []
    for name, theirs in runs.items():
        p99 = [percentile(run, 0.99) for run in theirs]
        if name != VIDSIGNAL:
            found.append(_ratio_of_medians(f"{model}, half load, p99 over {name}", ours, p99, Bound("at most", 1.0)))
        found.append(summarise(f"{model}, {name}, half load, p99", p99, "ms"))
    return found


def single_item_figures(model: str, runs: Mapping[str, list[Measured]]) -> list[Figure]:
    """What the batcher adds to an item that is alone, by the median latencies of a round."""
    ours, bare = ([percentile(run, 0.5) for run in runs[name]] for name in (VIDSIGNAL, BARE))
    added = [one - other for one, other in zip(ours, bare, strict=True)]
    return [
        summarise(f"{model}, one item at a time, added", added, "ms", Bound("at most", MOST_ADDED_MILLISECONDS)),
        summarise(f"{model}, one item at a time, bare loop", bare, "ms"),
    ]


def padding_figure(model: str, load: str, runs: Sequence[Measured]) -> Figure:
    """Share of rows without an item, over the runs; their counts are running totals of the process."""
    padded, items = (runs[-1][name] - runs[0][name] for name in ("padded_rows", "items_run"))
    return Figure(
        f"{model}, {load}, padded rows", padded / max(1, padded + items), "ratio", Bound("at most", MOST_PADDING)
    )


def lane_figures(model: str, video_items: int, rounds: Sequence[tuple[Measured, Measured]]) -> list[Figure]:
    """99th percentile of live videos while backfill runs over that without."""
    alone, shared = ([percentile(pair[side], 0.99) for pair in rounds] for side in (0, 1))
    name = f"{model}, live videos of {video_items} items"
    return [
        _ratio_of_medians(
            f"{name}, p99 while backfill runs over p99 without", shared, alone, Bound("at most", MOST_TIMES_ALONE)
        ),
        summarise(f"{name}, without backfill, p99", alone, "ms"),
        summarise(f"{name}, while backfill runs, p99", shared, "ms"),
    ]


def _ratio_of_medians(name: str, ours: Sequence[float], theirs: Sequence[float], bound: Bound) -> Figure:
    """Return the ratio of the medians, because single percentiles vary by more than they differ; and the spread of the
    ratios of the rounds."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Figure(name, median(ours) / median(theirs), "ratio", bound, (min(ratios), max(ratios)))


def endurance_figures(found: Endurance) -> list[Figure]:
    """Items that got none or a wrong answer, and the growth of memory."""
    return [
        Figure("endurance, items", found.items, "items"),
        Figure("endurance, refused as poison", found.outcomes["refused"], "items"),
        Figure("endurance, cancelled by their callers", found.outcomes["cancelled"], "items"),
        Figure("endurance, without an answer", found.lost, "items", Bound("at most", 0)),
        Figure("endurance, with a wrong answer", found.outcomes["wrong"], "items", Bound("at most", 0)),
        Figure("endurance, growth of memory", found.growth_ratio, "ratio", Bound("at most", MOST_GROWTH)),
        Figure("endurance, throughput", found.items / found.seconds, "items/s"),
    ]
