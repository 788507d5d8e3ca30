"""Saved results: one JSON file for each set and size, in `ops/evaluate/results`.

They are part of the repository, so that documents, cards and the default policy are generated from them, and so that a
later run can be compared. They are stored with the evaluation, not with the models: a result is of a set, and most sets
measure operators and several models at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from ops.evaluate.evaluation_set import Size
from ops.evaluate.result import FORMAT, SetResult

RESULTS_FOLDER: Final = Path(__file__).with_name("results")


class UnreadableResult(ValueError):
    """A file is no saved result of this release; the message says what to do."""


def file_name(set_name: str, size: Size) -> str:
    """Return the name of a saved result."""
    return f"{set_name}-{size}.json"


def save_result(result: SetResult, folder: Path) -> Path:
    """Write a result; equal results give equal files. Returns its path. Raises OSError."""
    path = folder / file_name(result.set, result.size)
    path.write_bytes(encoded(result))
    return path


def encoded(result: SetResult) -> bytes:
    """Return a result as indented JSON, in the order of the fields, mappings sorted."""
    return msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=1) + b"\n"


def read_result(path: Path) -> SetResult:
    """Read a saved result. Raises UnreadableResult."""
    try:
        result = msgspec.json.decode(path.read_bytes(), type=SetResult)
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableResult(f"{path} is no saved result: {error}; measure again") from error
    if result.format != FORMAT:
        raise UnreadableResult(f"{path} has format {result.format}; allowed: {FORMAT}; measure again")
    return result


def saved_results(folder: Path = RESULTS_FOLDER) -> list[SetResult]:
    """Return all saved results, by name. Raises UnreadableResult."""
    return [read_result(path) for path in sorted(folder.glob("*.json"))]


def saved_result(set_name: str, size: Size, folder: Path = RESULTS_FOLDER) -> SetResult | None:
    """Return the saved result of a set and size; None without one. Raises UnreadableResult."""
    path = folder / file_name(set_name, size)
    return read_result(path) if path.is_file() else None


def best_results(results: Iterable[SetResult]) -> dict[str, SetResult]:
    """Return one result a set, the full one where there is one."""
    return {result.set: result for result in sorted(results, key=lambda result: result.size == "full")}
