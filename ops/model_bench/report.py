"""Times of models as rows, as one JSON object and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.model_bench.model_timing import TimedModel
from ops.plots import new_canvas, save_canvas
from schemas.counted import counted
from streams.config.settings import Settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#117733", "#cc6677", "#332288", "#ddcc77", "#88ccee", "#aa4499", "#44aa99", "#999933")
"""After Paul Tol's muted scheme."""


@dataclass(frozen=True, slots=True)
class DevicePrice:
    """Price and power of one second of the device: of a busy core, or of an accelerator."""

    usd_per_second: float
    watts: float

    @classmethod
    def from_settings(cls, settings: Settings, device: str) -> DevicePrice:
        """Return the price by the settings' price table."""
        if device == "cpu":
            return cls(settings.usd_per_cpu_hour / 3_600, settings.watts_per_cpu_core)
        return cls(settings.usd_per_device_hour / 3_600, settings.watts_per_device)


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One model, configuration and batch size."""

    model: str
    mode: str
    threads: int
    batch_size: int
    items_per_second: float
    batch_seconds: float
    """Latency of an item in a full batch."""
    usd_per_million: float
    joules_per_item: float
    is_energy_modelled: bool
    is_knee: bool


def rows_of(timed: Sequence[TimedModel], settings: Settings) -> list[BenchRow]:
    """Return all rows, model by model, with the prices of the settings."""
    return [row for each in timed for row in _rows(each, DevicePrice.from_settings(settings, each.device))]


def _rows(timed: TimedModel, price: DevicePrice) -> Iterator[BenchRow]:
    for point in timed.points:
        for timing in point.timings:
            item_seconds = timing.device_seconds / timing.batch_size
            metered = timed.watts
            yield BenchRow(
                timed.card.name,
                point.mode,
                point.num_threads,
                timing.batch_size,
                timing.items_per_second,
                timing.batch_seconds,
                1e6 * item_seconds * price.usd_per_second,
                item_seconds * price.watts if metered is None else metered / timing.items_per_second,
                metered is None,
                timing.batch_size == point.batch_size,
            )


def as_json(rows: Sequence[BenchRow], machine: dict[str, Any]) -> dict[str, Any]:
    """Return the object that scripts read."""
    return {"machine": machine, "rows": [asdict(row) for row in rows]}


def plot_rows(rows: Sequence[BenchRow], path: Path) -> None:
    """Draw throughput against latency, one picture a model and one line a configuration, with the knee marked.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    models = list(dict.fromkeys(row.model for row in rows))
    figure = new_canvas(8, 3.6 * len(models))
    pictures = figure.subplots(len(models), squeeze=False)
    for axes, model in zip(pictures[:, 0], models, strict=True):
        _draw(axes, model, [row for row in rows if row.model == model])
    save_canvas(figure, path)


def _draw(axes: Axes, model: str, rows: Sequence[BenchRow]) -> None:
    ways = list(dict.fromkeys((row.mode, row.threads) for row in rows))
    for place, (mode, threads) in enumerate(ways):
        line = [row for row in rows if (row.mode, row.threads) == (mode, threads)]
        colour = _COLOURS[place % len(_COLOURS)]
        waits, rates = [1000 * row.batch_seconds for row in line], [row.items_per_second for row in line]
        axes.plot(waits, rates, color=colour, marker="o", markersize=4, label=f"{mode}, {counted(threads, 'thread')}")
        for row, wait, rate in zip(line, waits, rates, strict=True):
            axes.annotate(
                str(row.batch_size), (wait, rate), xytext=(3, 4), textcoords="offset points", fontsize=7, color=colour
            )
            if row.is_knee:
                axes.plot([wait], [rate], color=colour, marker="*", markersize=15)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{model}: batch sizes, knee as a star", loc="left", fontsize=11)
    axes.set_xlabel("latency of a full batch, ms")
    axes.set_ylabel("items a second")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
