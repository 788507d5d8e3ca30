"""A user's own files with labels: a CSV or Parquet file, and the set that it makes."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, MethodSpent, Scored, Timed, TrueSpan
from schemas.identity import MODALITIES, Modality
from schemas.labels import LABELS
from schemas.near_names import listed, near_word, told
from streams.decision.policy import Policy

if TYPE_CHECKING:
    from ops.evaluate.product import Analyse

COLUMNS: Final = ("path", "label", "start_seconds", "end_seconds", "title", "description")
"""Columns of the file; the first two are needed."""
_NEEDED: Final = ("path", "label")
MAX_ROWS: Final = 1_000_000
TOLERANCE_SECONDS: Final = 1.0
"""How far outside of a labelled time a found one may be: frames and windows of sound are about a second apart."""


class InvalidLabelFile(ValueError):
    """The file, a column or a row is wrong; the message names row, column, value found and what is allowed."""


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One row: a file, and one label that it shows, or none."""

    path: Path
    label: str
    """Empty: the file shows none of the labels that were looked for."""
    span: tuple[float, float] | None
    """Where, in seconds; None if the row does not say it."""
    title: str
    description: str


def read_label_file(path: Path) -> list[LabelledRow]:
    """Read and check a file, whose media are relative to its folder.

    Raises:
        InvalidLabelFile: see there; also if pyarrow, which reads Parquet, is not installed.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidLabelFile(told("--data", str(path), "a file that ends in .csv or .parquet"))
    columns, rows = _csv(path) if path.suffix == ".csv" else _parquet(path)
    _check_columns(columns, path)
    found = [_row(row, path, number) for number, row in rows]
    if not found:
        raise InvalidLabelFile(f"{str(path)!r} has no rows; allowed: one row for each file and label")
    return found


def _csv(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, Any]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            columns = tuple(reader.fieldnames or ())
            return columns, [(reader.line_num, dict(row)) for row in _bounded(reader, path)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidLabelFile(f"{str(path)!r} cannot be read as CSV in UTF-8: {error}") from error


def _parquet(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, Any]]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise InvalidLabelFile(
            "Parquet needs pyarrow: pip install 'vidsignal[evaluate]'; or give a .csv file"
        ) from error
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as error:
        raise InvalidLabelFile(f"{str(path)!r} cannot be read as Parquet: {error}") from error
    return tuple(table.column_names), list(enumerate(_bounded(table.to_pylist(), path), start=1))


def _bounded(rows: Iterable[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows):
        if number == MAX_ROWS:
            raise InvalidLabelFile(f"{str(path)!r} has more rows; allowed: at most {MAX_ROWS:,}")
        yield row


def _check_columns(columns: Sequence[str], path: Path) -> None:
    place = f"{str(path)!r}: a column"
    for name in columns:
        if name not in COLUMNS:
            raise InvalidLabelFile(told(place, name, listed(list(COLUMNS)), near_word(str(name), COLUMNS)))
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise InvalidLabelFile(f"{str(path)!r} lacks the column {missing[0]}; needed: {listed(list(_NEEDED))}")
    if ("start_seconds" in columns) != ("end_seconds" in columns):
        raise InvalidLabelFile(f"{str(path)!r} has one of start_seconds and end_seconds; allowed: both or neither")


def _row(row: Mapping[str, Any], path: Path, number: int) -> LabelledRow:
    place = f"{str(path)!r} row {number}"
    if None in row:
        raise InvalidLabelFile(f"{place} has more values than the first row has columns")
    return LabelledRow(
        path=_media(_text(row, "path"), path.parent, f"{place}: path"),
        label=_label(_text(row, "label"), f"{place}: label"),
        span=_span(row, place),
        title=_text(row, "title"),
        description=_text(row, "description"),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name)
    return "" if found is None else str(found).strip()


def _media(found: str, folder: Path, place: str) -> Path:
    if not found or not (folder / found).is_file():
        raise InvalidLabelFile(told(place, found, "a file that is there, relative to the folder of the table"))
    return (folder / found).resolve()


def _label(found: str, place: str) -> str:
    if found and found not in LABELS:
        raise InvalidLabelFile(
            told(
                place, found, "a label of the taxonomy (vidsignal models coverage), or empty", near_word(found, LABELS)
            )
        )
    return found


def _span(row: Mapping[str, Any], place: str) -> tuple[float, float] | None:
    texts = {name: _text(row, name) for name in ("start_seconds", "end_seconds")}
    if not any(texts.values()):
        return None
    start, end = (_seconds(text, f"{place}: {name}") for name, text in texts.items())
    if end < start:
        raise InvalidLabelFile(
            told(f"{place}: end_seconds", texts["end_seconds"], f"at least start_seconds, {start:g}")
        )
    if not _text(row, "label"):
        raise InvalidLabelFile(f"{place} has a time and no label; allowed: a time of a label")
    return start, end


def _seconds(text: str, place: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (seconds >= 0 and math.isfinite(seconds)):
        raise InvalidLabelFile(told(place, text, "a number of seconds, at least 0"))
    return seconds


class OwnFiles:
    """The set of a table's files.

    A label is judged of all files: those whose rows name it are positives, all others negatives. So a table names every
    label that was looked for, by a row or by `labels`, and no label that was looked for in some of the files only.

    Args:
        name: of the set.
        rows: of the table.
        labels: that were looked for and that no row may name.
        models: names of the cards that run.
        analyse: what analyses the files; the product if None.

    Raises:
        InvalidLabelFile: nothing was looked for, a label is unknown, or a file has two titles.
    """

    version = 1
    description = "Your own files and labels."
    references: tuple[Reference, ...] = ()
    sources = (Source("your own", "your own"),)
    modalities: tuple[Modality, ...] = MODALITIES

    def __init__(
        self,
        name: str,
        rows: Sequence[LabelledRow],
        labels: Collection[str] = (),
        models: Collection[str] = (),
        analyse: Analyse | None = None,
    ) -> None:
        self.name = name
        self.models = tuple(models)
        self._analyse = analyse
        self._rows = rows
        self._labels = _looked_for(rows, labels)
        self._texts = _texts(rows)

    @cached_property
    def subjects(self) -> tuple[JudgedSubject, ...]:
        """Each label, and each label with times."""
        of_files = [JudgedSubject(label, LABELS[label], label=label) for label in self._labels]
        return (*of_files, *(self._times(label) for label in self._labels if self._has_times(label)))

    def _times(self, label: str) -> JudgedSubject:
        meaning = f"{LABELS[label]} Found within the time of a row, or at most {TOLERANCE_SECONDS:g} s from it."
        return JudgedSubject(f"{label}, times", meaning, tolerance_seconds=TOLERANCE_SECONDS)

    def _has_times(self, label: str) -> bool:
        return any(row.span is not None for row in self._rows if row.label == label)

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield the score of each label for each file, and found times of labels that have times."""
        from ops.evaluate.product import analysed, spent

        paths = dict.fromkeys(row.path for row in self._rows)
        fields = {str(path): {"title": title, "description": text} for path, (title, text) in self._texts.items()}
        found = (self._analyse or analysed)({str(path): path for path in paths}, run.on_item, fields)
        for each in found:
            if each.problem:
                run.leave_out(each.item, each.problem)
                continue
            for label in self._labels:
                truth = self._spans(Path(each.item), label)
                yield Scored(label, each.item, PRODUCT, "", truth=truth is not None, score=each.score_of(label))
                if self._has_times(label):
                    said = each.times_of(label, _lowest(run.policy, label))
                    yield self._timed(each.item, label, truth or (), said)
        yield spent(found)

    def _spans(self, path: Path, label: str) -> tuple[TrueSpan, ...] | None:
        """Return where a file shows a label; None if it does not show it."""
        rows = [row for row in self._rows if row.path == path and row.label == label]
        return tuple(TrueSpan(*row.span) for row in rows if row.span is not None) if rows else None

    def _timed(self, item: str, label: str, truth: tuple[TrueSpan, ...], said: tuple[float, ...]) -> Timed:
        """Return what was found; what is found several times within one span counts once."""
        hits = {span: [time for time in said if _is_within(time, span)] for span in truth}
        others = [time for time in said if not any(_is_within(time, span) for span in truth)]
        once = {times[0] for times in hits.values() if times}
        return Timed(f"{label}, times", item, PRODUCT, "", truth=truth, said_seconds=tuple(sorted([*once, *others])))


def _is_within(time: float, span: TrueSpan) -> bool:
    return span.start_seconds - TOLERANCE_SECONDS <= time <= span.end_seconds + TOLERANCE_SECONDS


def _lowest(policy: Policy, label: str) -> float:
    """Return the score from which on a label has an effect, or is reported at all."""
    rule = policy.rule_for(label)
    return min(rule.thresholds.values(), default=policy.reporting_floor) if rule else policy.reporting_floor


def _looked_for(rows: Sequence[LabelledRow], labels: Collection[str]) -> tuple[str, ...]:
    for label in labels:
        if label not in LABELS:
            raise InvalidLabelFile(told("--label", label, "a label of the taxonomy", near_word(label, LABELS)))
    named = {*labels, *(row.label for row in rows)} - {""}
    if not named:
        raise InvalidLabelFile("no row names a label; name with --label what was looked for in these files")
    return tuple(label for label in LABELS if label in named)


def _texts(rows: Sequence[LabelledRow]) -> dict[Path, tuple[str, str]]:
    texts: dict[Path, tuple[str, str]] = {}
    for row in rows:
        if not (row.title or row.description):
            continue
        if texts.setdefault(row.path, (row.title, row.description)) != (row.title, row.description):
            raise InvalidLabelFile(f"{row.path} has several titles or descriptions; allowed: one a file")
    return texts
