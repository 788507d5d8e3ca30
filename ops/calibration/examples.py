"""Labelled examples in a CSV file: scores of a model, or files to score, each with whether the label is shown."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.near_names import listed, near_word, told

MAX_EXAMPLES: Final = 1_000_000
_TRUTH: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class InvalidExamples(ValueError):
    """A row is wrong; the message names file, line, column, value found and what is allowed."""


class CannotFit(ValueError):
    """The examples do not support a calibration; the message says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row."""

    label: str
    is_shown: bool
    score: float | None
    """Of the model; None where a file is named."""
    file: Path | None


def read_examples(path: Path, labels: Sequence[str]) -> list[Example]:
    """Read a CSV file with the columns `truth`, `score` or `file`, and `label` where the model has several.

    Args:
        path: of the file; names in the column `file` are relative to its folder.
        labels: of the model.

    Raises:
        InvalidExamples: it cannot be read, or a row is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            return list(_rows(csv.DictReader(opened), path, labels))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidExamples(f"{str(path)!r} cannot be read as CSV in UTF-8: {error}") from error


def _rows(reader: csv.DictReader[str], path: Path, labels: Sequence[str]) -> Iterator[Example]:
    columns = tuple(reader.fieldnames or ())
    _check_columns(columns, path, labels)
    for number, row in enumerate(reader):
        if number == MAX_EXAMPLES:
            raise InvalidExamples(f"{str(path)!r} has more rows; allowed: at most {MAX_EXAMPLES}")
        place = f"{str(path)!r} line {reader.line_num}"
        found = {name: (row[name] or "").strip() for name in columns}
        yield Example(
            label=_choice(found["label"], labels, f"{place}: label") if "label" in columns else labels[0],
            is_shown=_TRUTH[_choice(found["truth"].lower(), tuple(_TRUTH), f"{place}: truth")],
            score=_score(found["score"], f"{place}: score") if "score" in columns else None,
            file=_file(path.parent / found["file"], f"{place}: file") if "file" in columns else None,
        )


def _check_columns(columns: Collection[str], path: Path, labels: Sequence[str]) -> None:
    has_one_source = ("score" in columns) != ("file" in columns)
    if "truth" not in columns or not has_one_source or ("label" not in columns and len(labels) > 1):
        allowed = "truth, and either score or file" + (", and label: the model has several" if len(labels) > 1 else "")
        raise InvalidExamples(told(f"{str(path)!r}: the first line", listed(list(columns)), f"the columns {allowed}"))


def _choice(found: str, allowed: Sequence[str], place: str) -> str:
    if found not in allowed:
        raise InvalidExamples(told(place, found, listed(allowed), near_word(found, allowed)))
    return found


def _score(found: str, place: str) -> float:
    try:
        score = float(found)
    except ValueError:
        score = math.nan
    if not 0 <= score <= 1:
        raise InvalidExamples(told(place, found, "a number from 0 up to 1"))
    return score


def _file(found: Path, place: str) -> Path:
    if not found.is_file():
        raise InvalidExamples(told(place, str(found), "a file that is there"))
    return found.resolve()
