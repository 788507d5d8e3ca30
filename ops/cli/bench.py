"""`vidsignal bench`: comparative measurements in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.bench.names import EMBEDDED, NAMES, PLOTTED
from ops.cli.console import clean_interrupt, err, fail, logs_to_stderr, out
from ops.cli.exit_codes import ExitCode
from ops.cli.plot_option import draw_or_exit, require_plot


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    quick: Annotated[bool, typer.Option(help="Fewer runs; ends within three minutes.")] = False,
    soak: Annotated[bool, typer.Option(help="A long run that watches memory, where the benchmark has one.")] = False,
    competitors: Annotated[
        Path | None,
        typer.Option(help="Virtual environment with litserve and nvidia-pytriton, for `inference`; and for `servers`."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the JSON object here.")] = None,
    plot: Annotated[Path | None, typer.Option(help=f"Of {', '.join(PLOTTED)}: a picture, .png or .svg.")] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Of load: a test broker in place of Apache Kafka, which needs Java.")
    ] = False,
) -> None:
    """Run a benchmark: a table for people, a JSON object for scripts; exit code 1 if a bound is missed."""
    if name not in NAMES:
        fail(f"no benchmark {name!r}; there are {', '.join(NAMES)}", ExitCode.USAGE)
    _require_plottable(name, plot)
    if embedded and name not in EMBEDDED:
        fail(f"--embedded goes with {', '.join(EMBEDDED)}; bench {name} measures Apache Kafka", ExitCode.USAGE)
    from ops.bench.benchmark_registry import BENCHES, BenchOptions

    logs_to_stderr()
    with clean_interrupt():
        report = BENCHES[name](
            BenchOptions(
                is_quick=quick,
                is_soak=soak,
                say=lambda line: err.print(line, markup=False),
                competitors=competitors,
                kafka="embedded" if embedded else "real",
            )
        )
    for table in report.tables():
        out.table(table)
    for remark in report.remarks:
        out.print(f"- {remark}", markup=False)
    if json_file is not None:
        report.write(json_file)
    if plot is not None:
        draw_or_exit(report.draw, plot)
    if not report.all_hold:
        raise typer.Exit(ExitCode.FOUND)


def _require_plottable(name: str, plot: Path | None) -> None:
    if plot is not None and name not in PLOTTED:
        fail(f"--plot goes with {', '.join(PLOTTED)}; bench {name} has no plot", ExitCode.USAGE)
    require_plot(plot)
