"""From a model's labelled examples to the calibration file of its card."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from models.calibration_file import CalibrationFile, LabelCalibration, Method
from models.card import Card
from ops.calibration.examples import CannotFit, Example
from ops.calibration.fitting import fit_label


def labels_of(card: Card) -> tuple[str, ...]:
    """Return the labels of a model that can be calibrated.

    Raises:
        CannotFit: it has none, or is a model of the product.
    """
    if not card.is_added:
        raise CannotFit(f"{card.name} is a model of the product, which is calibrated by its release")
    labels = tuple(dict.fromkeys(source.label for source in card.labels))
    if not labels:
        raise CannotFit(f"the card of {card.name} maps no output to a label")
    return labels


def calibrate(card: Card, examples: Sequence[Example], method: Method | None = None) -> CalibrationFile:
    """Fit each label that the examples name.

    Args:
        card: of an added model.
        examples: with the model's own scores.
        method: see `fit_label`.

    Raises:
        CannotFit: there are too few examples of a label, or its scores do not follow the truth.
    """
    by_label: dict[str, list[Example]] = {}
    for example in examples:
        by_label.setdefault(example.label, []).append(example)
    if not by_label:
        raise CannotFit("there are no examples")
    labels = tuple(_fitted(label, found, method) for label, found in sorted(by_label.items()))
    return CalibrationFile(fitted_for=card.scores_digest, labels=labels)


def _fitted(label: str, examples: Sequence[Example], method: Method | None) -> LabelCalibration:
    scores = np.array([example.score for example in examples], dtype=float)
    truth = np.array([example.is_shown for example in examples], dtype=bool)
    return fit_label(label, scores, truth, method)


def write_calibration(path: Path, found: CalibrationFile) -> None:
    """Replace a file at once, or leave it as it was. Raises OSError."""
    content = msgspec.json.format(msgspec.json.encode(found), indent=1)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".calibration-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + b"\n")
        Path(unfinished).chmod(0o644)  # workers of another user read it
        Path(unfinished).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
        raise
