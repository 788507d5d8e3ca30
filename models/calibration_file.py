"""The file of a card that says what its scores mean: points that were fitted to labelled material.

`vidsignal models calibrate` writes it. It counts only for the model that it was fitted for: another weight, class,
sentence or preprocessing gives other scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from models.card_errors import CardInvalid, refuse
from models.card_paths import inside
from models.card_points import Points, points_problem
from models.model_output import LabelSource
from schemas.diagnosis import invalid

MAX_CALIBRATION_BYTES: Final = 4 * 1024**2

Method = Literal["platt", "isotonic"]


class LabelCalibration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the scores of one label mean."""

    label: str
    method: Method
    num_positives: Annotated[int, Meta(ge=1)]
    num_negatives: Annotated[int, Meta(ge=1)]
    brier_before: float
    """Mean squared difference of the model's scores and the truth."""
    brier_after: float
    """The same of calibrated scores, each by points that were fitted without it."""
    points: Annotated[Points, Meta(min_length=2, max_length=1_000)]


class CalibrationFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file, as JSON."""

    fitted_for: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    """Digest of the parts of the card that decide scores, see `models.card_digests`."""
    labels: Annotated[tuple[LabelCalibration, ...], Meta(min_length=1, max_length=1_000)]


def read_calibration(card_path: Path, relative: str, scores_digest: str) -> CalibrationFile:
    """Read the file that a card names as its `calibration`.

    Args:
        card_path: of the card's file.
        relative: name of the file, below the card's folder.
        scores_digest: of the card.

    Raises:
        CardInvalid: it is missing or wrong, or was fitted for another model.
    """
    path = inside(card_path, relative, "calibration")
    found = _decoded(_content(card_path, path, relative), path)
    if found.fitted_for != scores_digest:
        allowed = "one that was fitted for this model; run `vidsignal models calibrate` again"
        raise refuse(card_path, "calibration", f"{relative}, fitted for {found.fitted_for[:16]}", allowed)
    for index, label in enumerate(found.labels):
        if problem := points_problem(label.points):
            raise refuse(path, f"labels[{index}].points", [list(point) for point in label.points], problem)
    return found


def calibrated_labels(
    labels: tuple[LabelSource, ...], found: CalibrationFile, card_path: Path
) -> tuple[LabelSource, ...]:
    """Return a card's labels with the points of its file.

    Raises:
        CardInvalid: the file names a label that the card does not map, one twice, or one with points in the card.
    """
    known = {source.label for source in labels}
    points: dict[str, Points] = {}
    for label in found.labels:
        if label.label not in known or label.label in points:
            raise refuse(card_path, "calibration", label.label, "labels of the card, each once")
        points[label.label] = label.points
    _check_once(labels, points, card_path)
    return tuple(
        replace(source, calibration=points[source.label]) if source.label in points else source for source in labels
    )


def _check_once(labels: Iterable[LabelSource], points: dict[str, Points], card_path: Path) -> None:
    for source in labels:
        if source.calibration and source.label in points:
            allowed = "points of a label in the card or in the file that it names, not in both"
            raise refuse(card_path, "calibration", source.label, allowed)


def _content(card_path: Path, path: Path, relative: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CALIBRATION_BYTES + 1)
    except OSError as error:
        allowed = f"a file in the folder of the card ({error.strerror}); `vidsignal models calibrate` writes it"
        raise refuse(card_path, "calibration", relative, allowed) from error
    if len(content) > MAX_CALIBRATION_BYTES:
        raise refuse(card_path, "calibration", relative, f"a file of at most {MAX_CALIBRATION_BYTES} bytes")
    return content


def _decoded(content: bytes, path: Path) -> CalibrationFile:
    try:
        return msgspec.json.decode(content, type=CalibrationFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = invalid(content, CalibrationFile, "a calibration", str(error)).replace("$.", "")
        raise CardInvalid(f"calibration file {str(path)!r}: {said}") from error
