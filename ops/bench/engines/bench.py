"""`bench engines`: CPU time of each model in torch and OpenVINO, in float32 and bfloat16, here and with fewer
instructions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from models.card_registry import CARDS
from operators.inference.cpu_probe import cpu_facts
from ops.assets import fetch_samples, fetch_weights, make_reference_inputs
from ops.bench.engines.engine_rows import EngineRow, rows_of
from ops.bench.engines.figures import mix_figures
from ops.bench.engines.processors import Processor, processors
from ops.bench.engines.report import EngineReport
from ops.bench.machine import describe_machine
from ops.bench.one_thread import ONE_THREAD
from ops.bench.options import BenchOptions
from ops.bench.turn_process import TurnProcess
from ops.local.scratch import scratch_dir
from streams.config.settings import read_settings

ROUNDS: Final = 9
QUICK_ROUNDS: Final = 3
"""After one that is dropped."""

Rounds = list[dict[str, float]]
"""CPU seconds of an item by mode, of each round that counts."""


def bench_engines(options: BenchOptions) -> EngineReport:
    """Measure; some eight minutes, or three with `is_quick`."""
    cache_dir = read_settings().cache_dir
    fetch_weights(cache_dir)
    fetch_samples(cache_dir)
    make_reference_inputs(cache_dir)
    compared = processors(_flags())
    with scratch_dir() as folder, ExitStack() as closing:
        running = {each: closing.enter_context(_started(each, folder)) for each in compared}
        options.say("counting the items of the sample clips ...")
        items: dict[str, float] = running[compared[0]].measure("count")["items"]
        rounds = QUICK_ROUNDS if options.is_quick else ROUNDS
        rows = tuple(
            row
            for model in (name for name, card in CARDS.items() if card.batch_sizes)
            for row in _model_rows(model, running, rounds, options)
        )
    figures = tuple(figure for each in compared for figure in mix_figures(each, rows, items))
    return EngineReport("engines", describe_machine(), figures, remarks=_remarks(rounds, items), rows=rows)


def _flags() -> list[str]:
    return [flag for line in cpu_facts() if line.startswith("flags") for flag in line.split()]


def _started(processor: Processor, folder: Path) -> TurnProcess:
    command = [sys.executable, "-P", "-m", "ops.bench.engines.driver", processor.max_isa]
    return TurnProcess(processor.name, command, folder / f"{processor.max_isa or 'this'}.log", ONE_THREAD)


def _model_rows(
    model: str, running: Mapping[Processor, TurnProcess], num_rounds: int, options: BenchOptions
) -> Iterator[EngineRow]:
    opened = {each: process.measure("open", model=model) for each, process in running.items()}
    measured: dict[Processor, Rounds] = {each: [] for each in running}
    for number in range(num_rounds + 1):
        for each in list(running)[:: -1 if number % 2 else 1]:
            seconds = running[each].measure("round", is_reversed=number % 2 == 1)["seconds"]
            measured[each] += [seconds] if number else []
    for each, said in opened.items():
        rows = rows_of(each.name, model, said["usable"], said["unusable"], said["unmeasured"], measured[each])
        options.say(f"{each.name}: {', '.join(map(str, rows))}")
        yield from rows


def _remarks(rounds: int, items: Mapping[str, Any]) -> tuple[str, ...]:
    mix = ", ".join(f"{number:.1f} of {model}" for model, number in sorted(items.items()))
    return (
        f"{rounds} rounds in turns after one that is dropped; one thread; CPU seconds of the thread that computes",
        "an item is the mean of a lone one and of one in the largest batch, over the lengths of texts",
        f"items of a video of the sample clips: {mix}",
        "a poorer processor is torch with a limit on oneDNN; OpenVINO obeys no limit, and is shown in float32 there",
    )
