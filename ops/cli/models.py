"""`vidsignal models`: the models, their weights in the cache, and the labels that they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.added_files import files_below
from models.card import Card
from models.card_errors import CardInvalid
from models.card_files import card_problem
from models.card_registry import CARDS, card_of_use
from models.weights import file_sha256
from operators.context.prototypes import PROTOTYPES, Prototypes
from operators.context.recognised_labels import recognised_labels
from operators.fusion.fusing import FUSION
from ops.added_models import CannotAdd, cards_at, staged_model, tried_lines
from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.model_calibration import calibrate_model
from ops.cli.models_bench import bench as bench_models
from ops.cli.models_compile import compile_models
from ops.cli.models_measure import measure as measure_models
from ops.cli.ruleset import ruleset_or_exit
from schemas.labels import LABELS
from streams.analysis.prototypes_file import InvalidPrototypes, load_prototypes
from streams.config.running_models import running_cards
from streams.config.settings import Settings
from streams.decision.policy import Policy
from streams.decision.policy_file import load_policy

app = typer.Typer(help="The models, their weights, and the labels that they cover.", no_args_is_help=True)

app.command("bench")(bench_models)
app.command("compile")(compile_models)
app.command("measure")(measure_models)

JsonOption = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


@app.command("list")
def list_models(json_output: JsonOption = False) -> None:
    """List every model with its purpose, licence and tests."""
    cards = _cards(settings_or_exit())
    if json_output:
        print_json([_summary(card) for card in cards.values()])
        return
    for card in cards.values():
        out.heading(card.name, f" {card.version}  ({card.modality}, {card.licence})")
        out.print(f"  {card.purpose}", markup=False)
        out.print(f"  source   {card.source}", markup=False)
        if card.model is not None and card.model.origin is not None:
            out.print(f"  origin   {card.model.origin}", markup=False, soft_wrap=True)
        out.print(f"  checked  {card.checked_on}", markup=False)
        out.print(f"  runs in  {', '.join(card.precisions)} on {', '.join(card.devices)}", markup=False)


@app.command()
def verify(json_output: JsonOption = False) -> None:
    """Check that all weights are in the cache and unchanged; exit code 1 if one is not."""
    settings = settings_or_exit()
    findings = {card.name: card_problem(card, settings.cache_dir) for card in _cards(settings).values()}
    if json_output:
        print_json({name: problem or "ok" for name, problem in findings.items()})
    else:
        for name, problem in findings.items():
            out.print(f"{'bad' if problem else 'ok ':3}  {name}  {problem or ''}", markup=False)
    if any(findings.values()):
        raise typer.Exit(ExitCode.FOUND)


@app.command()
def check(path: Annotated[Path, typer.Argument(help="A card's file, or a folder with one.")]) -> None:
    """Check an added model as a worker does at its start: card, files, and the answers of the model; exit code 1 where
    something is wrong."""
    _require_path(path)
    settings = settings_or_exit()
    try:
        for card in cards_at(path, settings):
            _show_trial(card, settings)
    except CardInvalid as error:
        fail(str(error), ExitCode.FOUND)


@app.command()
def add(folder: Annotated[Path, typer.Argument(help="A folder with one card and the files that it names.")]) -> None:
    """Check a model and copy its folder below the first of VIDSIGNAL_MODEL_CARDS; workers run it after a restart."""
    _require_path(folder)
    settings = settings_or_exit()
    if not settings.model_cards:
        fail("VIDSIGNAL_MODEL_CARDS is empty; allowed: a folder for added models", ExitCode.USAGE)
    try:
        with staged_model(folder, settings.model_cards[0]) as staging:
            (card,) = cards_at(staging.folder, settings)
            _show_trial(card, settings)
            place = staging.accept(card.name)
    except (CardInvalid, CannotAdd) as error:
        fail(str(error), ExitCode.FOUND)
    out.print(f"added: {place}; restart the workers")


@app.command()
def files(folder: Annotated[Path, typer.Argument(help="A folder with the files of a model.")]) -> None:
    """Print the table of a folder's files with their hashes, for a card."""
    _require_path(folder)
    out.print("[model.files]", markup=False)
    for path in sorted(files_below(folder)):
        out.print(f'"{path.relative_to(folder).as_posix()}" = "{file_sha256(path)}"', markup=False, soft_wrap=True)


app.command("calibrate")(calibrate_model)


def _require_path(path: Path) -> None:
    if not path.exists():
        fail(f"{path}: no such file or folder", ExitCode.USAGE)


def _show_trial(card: Card, settings: Settings) -> None:
    out.heading(card.name, f" {card.version}  ({card.modality}, {card.licence})")
    out.print(f"  fingerprint {card.fingerprint}", markup=False)
    for line in tried_lines(card, settings):
        out.print(f"  {line}", markup=False)


@app.command()
def fetch(
    samples: Annotated[bool, typer.Option(help="Sample clips too.")] = True,
) -> None:
    """Fetch the pinned weights and the sample clips into the cache, checked by hash; quick if all exist."""
    from ops.assets import AssetUnavailable, fetch_samples, fetch_weights, make_reference_inputs
    from ops.assets.bars import asset_progress

    settings = settings_or_exit()
    try:
        with clean_interrupt(), asset_progress(err.rich) as progress:
            fetched = fetch_weights(settings.cache_dir, progress)
            fetched += fetch_samples(settings.cache_dir, progress) if samples else 0
        if samples:
            make_reference_inputs(settings.cache_dir)
    except AssetUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
    out.print(f"weights and samples are in {settings.cache_dir} ({fetched} fetched now)")


@app.command()
def coverage(json_output: JsonOption = False) -> None:
    """Print which labels of the taxonomy the installed models can produce, and which they cannot."""
    settings = settings_or_exit()
    covered = label_coverage(_cards(settings), _prototypes(settings), ruleset_or_exit(settings).policy)
    if json_output:
        print_json(covered)
        return
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("label", overflow="fold"), "produced by", "meaning")
    for label, meaning in LABELS.items():
        names = ", ".join(covered[label])
        table.add_row(label, names or "[red]nothing: uncovered[/]", escape(meaning))
    out.table(table)
    number = sum(bool(names) for names in covered.values())
    out.print(f"{number} of {len(LABELS)} labels are covered; a label that nothing covers is never reported")


def label_coverage(
    cards: Mapping[str, Card] = CARDS, prototypes: Prototypes | None = None, policy: Policy | None = None
) -> dict[str, list[str]]:
    """Return the names of the models that produce each label of the taxonomy; prototypes and policy are those of the
    package if none are given."""
    labels = {card.name: {source.label for source in card.labels} for card in cards.values()}
    labels[PROTOTYPES] = set((prototypes or load_prototypes(None)).labels)
    if recognised := recognised_labels(cards.values()):  # which the models of text judge
        for name in (PROTOTYPES, card_of_use("text-abuse", cards).name):
            labels[name] |= recognised
    by_models = set().union(*labels.values())
    labels[FUSION] = {rule.label for rule in (policy or load_policy(None)).fusion if rule.is_covered_by(by_models)}
    return {label: sorted(name for name, found in labels.items() if label in found) for label in LABELS}


def _prototypes(settings: Settings) -> Prototypes:
    try:
        return load_prototypes(settings.prototypes_file)
    except InvalidPrototypes as error:
        fail(str(error), ExitCode.USAGE)


def _cards(settings: Settings) -> dict[str, Card]:
    try:
        return running_cards(settings)
    except CardInvalid as error:
        fail(str(error), ExitCode.USAGE)


def _summary(card: Card) -> dict[str, object]:
    return {
        "name": card.name,
        "version": card.version,
        "modality": card.modality,
        "purpose": card.purpose,
        "licence": card.licence,
        "source": card.source,
        "origin": asdict(card.model.origin) if card.model is not None and card.model.origin is not None else None,
        "outputs": card.outputs,
        "embedding_space": card.embedding_space,
        "labels": [source.label for source in card.labels],
        "checked_on": card.checked_on,
        "precisions": card.precisions,
        "devices": card.devices,
        "tolerances": {
            name: {limit: value for limit, value in asdict(tolerance).items() if value is not None}
            for name, tolerance in zip(card.outputs, card.tolerances, strict=True)
        },
        "files": [{"package": file.package, "member": file.member, "sha256": file.sha256} for file in card.files]
        + [{"path": file.path, "sha256": file.sha256} for file in (card.model.files if card.model else ())],
        "card": str(card.model.card_path) if card.model is not None and card.is_added else None,
        "fingerprint": card.fingerprint,
    }
