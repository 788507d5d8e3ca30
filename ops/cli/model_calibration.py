"""`vidsignal models calibrate`: an added model's scores, calibrated on labelled examples."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer

from models.calibration_file import CalibrationFile, Method
from models.card import Card
from models.card_errors import CardInvalid
from models.weights import WeightsCorrupt, WeightsMissing
from operators.errors import DeviceFault
from ops.added_models import cards_at
from ops.calibration.examples import CannotFit, Example, InvalidExamples, read_examples
from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.progress import counting
from streams.config.settings import Settings

_FILE_NAME: Final = "calibration.json"


def calibrate_model(
    path: Annotated[Path, typer.Argument(metavar="CARD", help="A card's file, or a folder with one.")],
    labels: Annotated[Path, typer.Option(help="CSV with the columns truth, score or file, and label.")],
    method: Annotated[str | None, typer.Option(help=f"One of: {', '.join(get_args(Method))}.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="What was fitted, as JSON.")] = False,
) -> None:
    """Calibrate an added model's scores on labelled examples, and write the calibration next to its card; exit code 1
    if the examples do not permit it."""
    if method is not None and method not in get_args(Method):
        fail(f"--method is {method!r}; allowed: {', '.join(get_args(Method))}", ExitCode.USAGE)
    from ops.calibration.calibrating import calibrate, labels_of, write_calibration  # numpy

    settings = settings_or_exit()
    try:
        card = _card_at(path, settings)
        examples = read_examples(labels, labels_of(card))
        if any(example.file is not None for example in examples):
            examples = _scored(card, examples, is_quiet=json_output)
        found = calibrate(card, examples, cast("Method | None", method))
        place = _place(card)
        write_calibration(place, found)
    except (CardInvalid, InvalidExamples) as error:
        fail(str(error), ExitCode.USAGE)
    except (CannotFit, WeightsCorrupt, WeightsMissing, DeviceFault, OSError) as error:
        fail(str(error), ExitCode.FOUND)
    _show(card, found, place, json_output=json_output)


def _card_at(path: Path, settings: Settings) -> Card:
    cards = cards_at(path, settings)
    if len(cards) > 1:
        raise CardInvalid(f"{str(path)!r} holds {len(cards)} cards; allowed: the file of one")
    return cards[0]


def _scored(card: Card, examples: list[Example], *, is_quiet: bool) -> list[Example]:
    from ops.calibration.scored_files import scored  # torch

    files = {example.file for example in examples if example.file is not None}
    roots = ",".join(sorted({str(file.parent) for file in files}))
    settings = settings_or_exit(media_roots=roots)
    with clean_interrupt(), counting("scoring", len(files), is_quiet=is_quiet) as done:
        return asyncio.run(scored(card, examples, settings, done))


def _place(card: Card) -> Path:
    assert card.model is not None
    return card.model.card_path.parent / (card.model.notes[0] if card.model.notes else _FILE_NAME)


def _show(card: Card, found: CalibrationFile, place: Path, *, json_output: bool) -> None:
    if json_output:
        print_json({"file": str(place), "labels": found.labels})
        return
    for label in found.labels:
        out.heading(label.label, f" by {label.method}, {label.num_positives} of it and {label.num_negatives} not")
        out.print(f"  Brier score {label.brier_before:.4f}, calibrated {label.brier_after:.4f} on held-out folds")
    out.print(f"written: {place}", markup=False, soft_wrap=True)
    if card.model is not None and not card.model.notes:
        out.print(f'add the line  calibration = "{place.name}"  to the top of {card.model.card_path}', markup=False)
