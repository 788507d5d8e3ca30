"""`vidsignal evaluate`: what the product says, measured against known truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.card_errors import CardInvalid
from models.weights import WeightsCorrupt, WeightsMissing
from operators.errors import DeviceFault
from operators.internal_errors import InternalError
from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from schemas.counted import counted
from schemas.near_names import did_you_mean, listed, near_word
from streams.config.settings import Settings
from streams.decision.policy_checks import InvalidPolicy

if TYPE_CHECKING:
    from models.card import Card
    from ops.evaluate.evaluation_set import EvaluationSet
    from ops.evaluate.result import SetResult
    from ops.evaluate.running import Options


def evaluate(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SET]...", help="Sets; all of them if none.")] = None,
    full: Annotated[bool, typer.Option("--full/--small", help="Every item, or a minute's worth.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Your own labelled files, .csv or .parquet.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="With --data: a label that was looked for; repeatable.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Run the reference methods that are installed.")] = False,
    precision: Annotated[float | None, typer.Option(min=0, max=1, help="Look for a threshold with it.")] = None,
    review_load: Annotated[
        float, typer.Option(min=0, max=1, help="Look for a threshold that this share of the items reaches.")
    ] = 0.01,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder for results as JSON, and for plots.")] = None,
    is_listed: Annotated[bool, typer.Option("--list", help="Print the sets, and run none.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a set.")] = False,
) -> None:
    """Measure what is said of media against known truth: precision, recall, AUC, errors, thresholds; exit code 1 if a
    figure is worse than the saved one, or a set cannot run."""
    if is_listed:
        _print_sets(json_output=json_output)
        return
    if folder is not None and not folder.is_dir():
        fail(f"--out is {str(folder)!r}; allowed: a folder that exists", ExitCode.USAGE)
    settings = settings_or_exit()
    cards = _cards(settings)
    sets = _own_files(data, label or [], names or [], cards) if data is not None else _sets(names or [], label or [])
    options = _prepared(settings, cards, seed, (precision, review_load), is_full=full or data is not None)
    options = replace(options, has_references=compare)
    with clean_interrupt():
        are_good = [_measured(each, options, settings, folder, json_output=json_output) for each in sets]
    if not all(are_good):
        raise typer.Exit(ExitCode.FOUND)


def _measured(
    found: EvaluationSet, options: Options, settings: Settings, folder: Path | None, *, json_output: bool
) -> bool:
    """Run a set, print and write its result; say whether it ran and no figure is worse than the saved one."""
    if options.has_references:
        _name_missing(found)
    result = _run(found, options, settings, is_quiet=json_output)
    if result is None:
        return False
    _show(result, json_output=json_output)
    _save(result, folder)
    return not _tell_changes(result)


def _name_missing(found: EvaluationSet) -> None:
    """Say which methods cannot be compared with."""
    from ops.evaluate.running import usable_references

    usable = usable_references(found)
    for each in found.references:
        if each.name not in usable:
            err.print(f"{found.name}: {each.name} is not installed, and left out", markup=False)


def _print_sets(*, json_output: bool) -> None:
    from ops.evaluate.running import usable_references
    from ops.evaluate.set_registry import SETS

    if json_output:
        print_json(
            [{"set": each.name, "version": each.version, "description": each.description} for each in SETS.values()]
        )
        return
    for each in SETS.values():
        out.heading(each.name, f" {each.version}")
        out.print(f"  {each.description}", markup=False, soft_wrap=True)
        out.print(f"  measures  {', '.join(subject.name for subject in each.subjects)}", markup=False, soft_wrap=True)
        if each.references:
            usable = usable_references(each)
            words = [f"{one.name}{'' if one.name in usable else ' (not installed)'}" for one in each.references]
            out.print(f"  compared  {', '.join(words)}", markup=False, soft_wrap=True)


def _sets(names: Sequence[str], labels: Sequence[str]) -> list[EvaluationSet]:
    from ops.evaluate.set_registry import SETS

    if labels:
        fail("--label goes with --data", ExitCode.USAGE)
    for name in names:
        if name not in SETS:
            meant = did_you_mean(near_word(name, tuple(SETS)))
            fail(f"set is {name!r}; allowed: {listed(list(SETS))}{meant}", ExitCode.USAGE)
    return [SETS[name] for name in names] or list(SETS.values())


def _own_files(data: Path, labels: Sequence[str], names: Sequence[str], cards: Collection[str]) -> list[EvaluationSet]:
    from ops.evaluate.own_files import InvalidLabelFile, OwnFiles, read_label_file

    if names:
        fail(f"sets are {listed(list(names))}; allowed with --data: none", ExitCode.USAGE)
    try:
        return [OwnFiles(data.stem, read_label_file(data), labels, cards)]
    except InvalidLabelFile as error:
        fail(str(error), ExitCode.USAGE)


def _cards(settings: Settings) -> Mapping[str, Card]:
    from streams.config.running_models import running_cards

    try:
        return running_cards(settings)
    except CardInvalid as error:
        fail(str(error), ExitCode.USAGE)


def _prepared(
    settings: Settings, cards: Mapping[str, Card], seed: int, wanted: tuple[float | None, float], *, is_full: bool
) -> Options:
    """Prepare the process for torch, which is imported from here on, and return the options."""
    from streams.lifecycle.process_setup import prepare_process

    prepare_process(settings)
    from ops.evaluate.archives.fetching import data_dir_of
    from ops.evaluate.running import Options
    from ops.evaluate.summary import Wanted

    return Options(
        size="full" if is_full else "small",
        seed=seed,
        data_dir=data_dir_of(settings.cache_dir),
        wanted=Wanted(*wanted),
        cards=cards,
    )


def _run(found: EvaluationSet, options: Options, settings: Settings, *, is_quiet: bool) -> SetResult | None:
    """Return the result; None, and a line on standard error, if the set cannot run here."""
    from ops.evaluate.evaluation_set import NotMeasurable
    from ops.evaluate.running import run_set
    from streams.decision.policy_file import load_policy

    if not is_quiet:
        err.print(f"measuring {found.name} ...", markup=False)
    try:
        return run_set(found, options, load_policy(settings.policy_file))
    except NotMeasurable as error:
        err.print(f"{found.name} is not measured: {error}", markup=False, soft_wrap=True)
        return None
    except (CardInvalid, WeightsMissing, WeightsCorrupt, InvalidPolicy) as error:
        fail(str(error), ExitCode.USAGE)
    except (DeviceFault, InternalError) as error:
        fail(f"the models or decoders cannot be opened: {error}", ExitCode.FOUND)


def _show(result: SetResult, *, json_output: bool) -> None:
    from ops.evaluate.report import COLUMNS, advice_lines, cost_lines, left_out_lines, rows

    if json_output:
        print_json(result)
        return
    from rich.table import Table

    items = counted(result.num_items, "item")
    table = Table(*COLUMNS, title=f"{result.set} {result.version}, {result.size}, seed {result.seed}, {items}")
    for row in rows(result):
        table.add_row(*row)
    out.table(table)
    _print_lines([*advice_lines(result), *left_out_lines(result), *cost_lines(result)])


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _save(result: SetResult, folder: Path | None) -> None:
    """Write the result, and plots if they can be drawn."""
    if folder is None:
        return
    from ops.evaluate.plots import plot_result
    from ops.evaluate.result_files import save_result
    from ops.plots import NoPlots

    try:
        paths = [save_result(result, folder), *plot_result(result, folder)]
    except NoPlots as error:
        err.print(f"no plots: {error}", markup=False)
        return
    except OSError as error:
        fail(f"{str(folder)!r} cannot be written: {error.strerror}", ExitCode.USAGE)
    err.print(f"wrote {counted(len(paths), 'file')} into {folder}", markup=False)


def _tell_changes(result: SetResult) -> bool:
    """Print what differs from the saved result of the same set, size and seed; say whether something is worse."""
    from ops.evaluate.regression import NotComparable, changes
    from ops.evaluate.result_files import saved_result

    saved = saved_result(result.set, result.size)
    if saved is None:
        return False
    try:
        found = changes(saved, result)
    except NotComparable as error:
        err.print(f"{result.set} is not compared: {error}", markup=False, soft_wrap=True)
        return False
    for change in found:
        err.print(f"{'worse' if change.is_worse else 'better'}  {change.words}", markup=False, soft_wrap=True)
    return any(change.is_worse for change in found)
