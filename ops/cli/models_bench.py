"""`vidsignal models bench`: how fast each model is on this machine, and at which batch size."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.card import Card
from models.card_errors import CardInvalid
from ops.cli.console import clean_interrupt, err, fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.plot_option import draw_or_exit, require_plot
from streams.config.running_models import running_cards
from streams.config.settings import Settings

if TYPE_CHECKING:
    from ops.model_bench.report import BenchRow


def bench(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models; all that run in batches.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="Threads of a model on a CPU; repeatable.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and less exact.")] = False,
    save: Annotated[bool, typer.Option(help="Let the workers of this machine use the result.")] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the JSON object here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Throughput against latency, as .png or .svg.")] = None,
) -> None:
    """Measure batch sizes, threads, engines and precisions; workers take their batch sizes from the result."""
    settings = settings_or_exit()
    require_plot(plot)
    cards = batched_cards(settings, models or [])
    rows = _measured(cards, settings, threads or [], is_quick=quick, is_saved=save)
    _print(rows)
    if json_file is not None:
        _write(rows, json_file)
    if plot is not None:
        from ops.model_bench.report import plot_rows

        draw_or_exit(partial(plot_rows, rows), plot)


def batched_cards(settings: Settings, names: list[str]) -> list[Card]:
    """Return the cards of the models that run in batches, or those of some names; an unknown name ends the command."""
    try:
        running = running_cards(settings)
    except CardInvalid as error:
        fail(str(error), ExitCode.USAGE)
    batched = {name: card for name, card in running.items() if card.batch_sizes}
    unknown = [name for name in names if name not in batched]
    if unknown:
        fail(f"no model {unknown[0]!r} runs in batches; there are {', '.join(batched)}", ExitCode.USAGE)
    return [batched[name] for name in names or batched]


def _measured(
    cards: list[Card], settings: Settings, threads: list[int], *, is_quick: bool, is_saved: bool
) -> list[BenchRow]:
    from models.weights import WeightsCorrupt, WeightsMissing
    from operators.errors import DeviceFault
    from ops.model_bench.bench import keep_points, time_models

    try:
        with clean_interrupt():
            timed = time_models(cards, settings, threads, lambda line: err.print(line, markup=False), is_quick=is_quick)
    except (WeightsMissing, WeightsCorrupt, DeviceFault) as error:
        fail(str(error), ExitCode.UNAVAILABLE)
    if is_saved:
        keep_points(timed, settings)
    from ops.model_bench.report import rows_of

    return rows_of(timed, settings)


def _print(rows: list[BenchRow]) -> None:
    from rich.table import Table

    table = Table("model", "mode", "threads", "batch", "items/s", "ms", "$ a million", "J an item", "knee")
    for row in rows:
        table.add_row(
            row.model, row.mode, str(row.threads), str(row.batch_size), f"{row.items_per_second:.3g}",
            f"{1000 * row.batch_seconds:.3g}", f"{row.usd_per_million:.3g}",
            f"{row.joules_per_item:.3g}" + (" modelled" if row.is_energy_modelled else ""), "*" if row.is_knee else "",
        )  # fmt: skip
    out.table(table)


def _write(rows: list[BenchRow], path: Path) -> None:
    from ops.bench.machine import describe_machine
    from ops.model_bench.report import as_json

    try:
        path.write_text(json.dumps(as_json(rows, describe_machine()), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{str(path)!r} cannot be written: {error.strerror}", ExitCode.USAGE)
