"""`vidsignal models compile`: models for devices whose compiler takes minutes, long before a worker starts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.card import Card
from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.models_bench import batched_cards
from streams.config.settings import Settings

if TYPE_CHECKING:
    from operators.inference.neuron.compiling import CompileResult

DEVICE = "neuron"


def compile_models(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models; all that may run there.")] = None,
    target: Annotated[Literal["inf2"], typer.Option(help="The device.")] = "inf2",
    max_seconds: Annotated[float, typer.Option(min=1, help="Of one batch size; then its compiler is killed.")] = 3600.0,
    max_gib: Annotated[float, typer.Option(min=1, help="Memory of one compiler, in GiB; beyond it is killed.")] = 32.0,
    json_output: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Compile models for Neuron devices, which this machine need not have; exit code 1 if a batch size could not be
    compiled."""
    settings = settings_or_exit()
    cards = batched_cards(settings, models or [])
    results = []
    with clean_interrupt():
        for result in _compiled(cards, settings, max_seconds, int(max_gib * 2**30)):
            results.append(result)
            err.print(line_of(result), markup=False)
    if json_output:
        print_json([_summary(result, target) for result in results])
    if any(result.trouble for result in results):
        raise typer.Exit(ExitCode.FOUND)


def _compiled(cards: list[Card], settings: Settings, seconds: float, memory_bytes: int) -> Iterator[CompileResult]:
    from models.loaders import load_module
    from models.weights import WeightsCorrupt, WeightsMissing
    from operators.inference.neuron.artefacts import device_precision
    from operators.inference.neuron.compiling import compile_model
    from operators.inference.neuron.limited_child import ChildLimits
    from operators.inference.neuron.toolchain import NoToolchain
    from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
    from streams.analysis.backend_config import neuron_programs

    inputs = ReferenceInputs(settings.cache_dir / FILE_NAME)
    limits, store = ChildLimits(seconds, memory_bytes), neuron_programs(settings)
    try:
        for card in cards:
            if DEVICE not in card.devices:
                out.print(f"{card.name}: runs on the processor, its card excludes {DEVICE}", markup=False)
                continue
            _require_weights(card, settings)
            precision = device_precision(card, settings.precision)
            build = partial(load_module, card, settings.cache_dir)
            yield from compile_model(card, build, precision, inputs.of(card), store, limits)
    except (NoToolchain, WeightsMissing, WeightsCorrupt) as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _require_weights(card: Card, settings: Settings) -> None:
    from models.card_files import verify_card

    verify_card(card, settings.cache_dir)


def line_of(result: CompileResult) -> str:
    """Return a bucket's line for people."""
    subject = f"{result.model} {result.bucket}:"
    if result.trouble:
        return f"{subject} not compiled: {result.trouble}"
    if result.seconds == 0:
        return f"{subject} was compiled before"
    return f"{subject} compiled in {result.seconds:.0f} s, {result.num_bytes / 2**20:.1f} MiB"


def _summary(result: CompileResult, target: str) -> dict[str, object]:
    return {
        "model": result.model,
        "bucket": str(result.bucket),
        "target": target,
        "seconds": round(result.seconds, 3),
        "bytes": result.num_bytes,
        "trouble": result.trouble,
    }
