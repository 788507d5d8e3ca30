"""`vidsignal models measure`: in which engine and precision each model runs on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.models_bench import batched_cards
from ops.cli.upload_fields import require_files
from streams.config.settings import Settings

if TYPE_CHECKING:
    from ops.model_bench.measuring import MeasuredModel


def measure(
    media: Annotated[
        list[Path] | None, typer.Argument(help="Videos to measure with; the sample clips that were fetched by default.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure also what was measured before.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Measure engine and precision of each model, as the first worker on a machine does; exit code 1 if a model has a
    choice and was not measured."""
    settings = settings_or_exit()
    from streams.observability.logs import configure_logs

    configure_logs(settings.log_format, settings.log_level)
    require_files(map(str, media or []))
    found = _measured(settings, media or [], is_again=again)
    if json_output:
        print_json({"models": [asdict(each) for each in found], "engines": engines_setting(found)})
    else:
        _show(found)
    if any(each.is_open for each in found):
        err.print("not all models were measured; the log above says why", markup=False)
        raise typer.Exit(ExitCode.FOUND)


def _measured(settings: Settings, media: list[Path], *, is_again: bool) -> list[MeasuredModel]:
    from models.weights import WeightsCorrupt, WeightsMissing
    from operators.errors import DeviceFault
    from operators.inference.compute_mode import ModeUnavailable
    from ops.assets.unusable_media import UnusableMedia
    from ops.model_bench.measuring import measure_models

    cards = batched_cards(settings, [])
    try:
        with clean_interrupt():
            return list(measure_models(cards, settings, media, is_again=is_again))
    except (ModeUnavailable, UnusableMedia) as error:
        fail(str(error), ExitCode.USAGE)
    except (WeightsMissing, WeightsCorrupt, DeviceFault) as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def engines_setting(found: list[MeasuredModel]) -> str:
    """Return the value of VIDSIGNAL_ENGINES that gives other workers the same modes without measuring."""
    return ",".join(f"{each.model}={each.mode}" for each in found)


def _show(found: list[MeasuredModel]) -> None:
    from rich.table import Table

    table = Table("model", "runs in", "measured")
    for each in found:
        table.add_row(each.model, each.mode, "\n".join(each.trials) or ("no" if each.is_open else "nothing to choose"))
    out.table(table)
    out.print("For workers on equal processors, so that they need not measure:", markup=False)
    out.print(f"VIDSIGNAL_ENGINES={engines_setting(found)}", markup=False, soft_wrap=True)
