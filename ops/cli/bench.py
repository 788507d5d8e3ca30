"""`vidsignal bench`: comparative measurements in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.bench.names import NAMES
from ops.cli.console import clean_interrupt, err, fail, logs_to_stderr, out
from ops.cli.exit_codes import ExitCode


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    quick: Annotated[bool, typer.Option(help="Fewer runs; ends within three minutes.")] = False,
    soak: Annotated[bool, typer.Option(help="A long run that watches memory, where the benchmark has one.")] = False,
    competitors: Annotated[
        Path | None, typer.Option(help="Virtual environment with litserve and nvidia-pytriton, for `inference`.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the JSON object here.")] = None,
) -> None:
    """Run a benchmark: a table for people, a JSON object for scripts; exit code 1 if a bound is missed."""
    if name not in NAMES:
        fail(f"no benchmark {name!r}; there are {', '.join(NAMES)}", ExitCode.USAGE)
    from ops.bench.benchmark_registry import BENCHES, BenchOptions

    logs_to_stderr()
    with clean_interrupt():
        report = BENCHES[name](
            BenchOptions(
                is_quick=quick, is_soak=soak, say=lambda line: err.print(line, markup=False), competitors=competitors
            )
        )
    out.table(report.table())
    for remark in report.remarks:
        out.print(f"- {remark}", markup=False)
    if json_file is not None:
        report.write(json_file)
    if not report.all_hold:
        raise typer.Exit(ExitCode.FOUND)
