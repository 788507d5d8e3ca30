"""`vidsignal size`: the resources for a rate of uploads, by measured figures and stated assumptions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ops.bench.options import BenchOptions
from ops.cli.console import clean_interrupt, err, fail, logs_to_stderr, out, print_json
from ops.cli.exit_codes import ExitCode
from ops.cli.plot_option import draw_or_exit, require_plot
from ops.sizing.plan import FleetPlan, plan_for
from ops.sizing.plot import plot_trials
from ops.sizing.profile import Profile, load_profile, write_profile
from ops.sizing.quantity import FIGURES, InvalidProfile
from ops.sizing.report import amount, as_json, assumptions, rows
from ops.sizing.trial import TELLING_WORKERS, SizingTrial, telling_cell, try_plan, try_policies, utilisation_for
from schemas.counted import counted


def size(
    videos_per_second: Annotated[float | None, typer.Option(help="Mean of the day; 11574 is a billion a day.")] = None,
    profile: Annotated[Path | None, typer.Option(help="Figures, .json or .toml; the packaged ones by default.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: another figure; repeatable.")] = None,
    p99_seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Fill workers as far as the simulated p99 allows, instead of as assumed."),
    ] = None,
    simulate: Annotated[bool, typer.Option(help="Try the plan in a simulation, for its p99.")] = True,
    plot: Annotated[Path | None, typer.Option(help="p99 against cost of several policies, as .png or .svg.")] = None,
    figures: Annotated[bool, typer.Option("--figures", help="List every figure, its origin and bounds.")] = False,
    measure: Annotated[Path | None, typer.Option(help="Measure this machine and write a profile (.json).")] = None,
    quick: Annotated[bool, typer.Option(help="With --measure: three minutes instead of six.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, every figure in it.")] = False,
) -> None:
    """Compute workers, partitions, cells, Redis, brokers, accelerators, money and energy; simulate the p99."""
    if measure is not None:
        logs_to_stderr()
        _measure(measure, is_quick=quick)
        return
    found = _profile(profile, change or [])
    if figures:
        _print_figures(found)
        return
    if videos_per_second is None:
        fail("--videos-per-second is missing; --figures and --measure go without it", ExitCode.USAGE)
    require_plot(plot)
    with clean_interrupt():
        found, plan = _plan(found, videos_per_second, p99_seconds)
        trial = try_plan(found, plan.cells) if simulate else None
        if plot is not None:
            _plot(found, plan, plot)
    if json_output:
        print_json(as_json(plan, found, trial))
    else:
        _print(found, plan, trial)


def _measure(path: Path, *, is_quick: bool) -> None:
    from ops.sizing.measure import measure_profile

    if path.suffix != ".json":
        fail(f"--measure is {str(path)!r}; allowed: a file that ends in .json", ExitCode.USAGE)
    say = partial(err.print, markup=False, soft_wrap=True)
    options = BenchOptions(is_quick=is_quick, is_soak=False, say=say)
    with clean_interrupt():
        measured = measure_profile(path.stem, options)
    try:
        write_profile(measured, path)
    except OSError as error:
        fail(f"{str(path)!r} cannot be written: {error.strerror}", ExitCode.USAGE)
    out.print(f"wrote {path}", markup=False)


def _profile(path: Path | None, changes: list[str]) -> Profile:
    try:
        return load_profile(path).with_options(dict(map(_change, changes)))
    except InvalidProfile as error:
        fail(str(error), ExitCode.USAGE)


def _change(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InvalidProfile(f"--set is {text!r}; allowed: NAME=VALUE with a number") from None


def _plan(profile: Profile, videos_per_second: float, p99_seconds: float | None) -> tuple[Profile, FleetPlan]:
    """Return the plan, with the utilisation that keeps the p99 if one is given."""
    try:
        if p99_seconds is not None:
            profile = utilisation_for(profile, videos_per_second, p99_seconds)
        return profile, plan_for(profile, videos_per_second)
    except InvalidProfile as error:
        fail(str(error), ExitCode.USAGE)


def _plot(profile: Profile, plan: FleetPlan, path: Path) -> None:
    cells = telling_cell(profile, plan.cells)
    if cells is not plan.cells:
        few = f"a cell of the plan has {counted(plan.cells.media_workers, 'media worker')}"
        err.print(f"{few}; policies are tried on one of {TELLING_WORKERS}")
    trials = try_policies(profile, cells, partial(err.print, markup=False, soft_wrap=True))
    cell = f"one cell, {amount(trials[0].videos_per_second)} videos/s in the busiest hour, one worker lost"
    draw_or_exit(partial(plot_trials, trials, title=f"Simulated p99 against cost: {cell}"), path)


def _print(profile: Profile, plan: FleetPlan, trial: SizingTrial | None) -> None:
    from rich.table import Table

    table = Table("what", "amount", "why", title=f"sizing by profile {profile.name}", title_justify="left")
    for row in rows(plan, profile, trial):
        table.add_row(*row)
    out.table(table)
    out.print("\nnot measured; another value: --set NAME=VALUE", markup=False)
    for name, value, says, source in assumptions(profile):
        out.print(f"  {name} = {value}: {says} ({source})", markup=False, soft_wrap=True)


def _print_figures(profile: Profile) -> None:
    for name, value, says, source in assumptions(profile, is_all=True):
        declared = FIGURES[name]
        bounds = f"{declared.least:g} to {declared.most:g}"
        out.print(f"{name} = {value}: {says}; {bounds} ({source})", markup=False, soft_wrap=True)
