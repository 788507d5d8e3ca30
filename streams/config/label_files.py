"""Labels that a platform adds to the taxonomy, from TOML files in the folders that a setting names.

    [[labels]]
    name = "vehicles/stunts/dangerous-driving-visible"
    meaning = "Somebody drives dangerously."

A label has what the taxonomy gives its own: an area, a group, a name, and a meaning for reviewers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from schemas.diagnosis import invalid
from schemas.expectations import ALLOWED
from schemas.labels import OWN_LABELS
from schemas.near_names import told

MAX_ADDED_LABELS: Final = 500
"""Of all files together; each is a series of the metric `vidsignal_label_covered`."""
MAX_FILE_BYTES: Final = 1024**2

_Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9-]{1,64}/[a-z0-9-]{1,64}/[a-z0-9-]{1,64}$(?!\n)",
        extra={ALLOWED: "area/group/label, each of lower-case letters, digits and '-', at most 64"},
    ),
]
_Meaning = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]{1,200}$(?!\n)",
        extra={ALLOWED: "a sentence for reviewers on one line, at most 200 characters"},
    ),
]


class _Label(Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    meaning: _Meaning


class _LabelFile(Struct, frozen=True, forbid_unknown_fields=True):
    labels: Annotated[tuple[_Label, ...], Meta(min_length=1, max_length=MAX_ADDED_LABELS)]


class InvalidLabels(ValueError):
    """A file of labels is wrong; the message names file, field, value found and what is allowed."""


def read_added_labels(folders: Iterable[Path]) -> dict[str, str]:
    """Read the meanings of all added labels, by name, from the files `*.toml` directly in some folders.

    Raises:
        InvalidLabels: a folder or file cannot be read, there are too many labels, or one is wrong or not new.
    """
    labels: dict[str, str] = {}
    for path in _files(folders):
        for index, label in enumerate(_read(path).labels):
            place = f"label file {str(path)!r}: labels[{index}].name"
            if label.name in labels or label.name in OWN_LABELS:
                raise InvalidLabels(told(place, label.name, "a name that no other label has"))
            if len(labels) == MAX_ADDED_LABELS:
                raise InvalidLabels(told(place, label.name, f"at most {MAX_ADDED_LABELS} labels in all files"))
            labels[label.name] = label.meaning
    return labels


def _files(folders: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InvalidLabels(told("the value", str(folder), "folders with files of labels, *.toml"))
        found += sorted(folder.glob("*.toml"))
    return list(dict.fromkeys(path.resolve() for path in found))


def _read(path: Path) -> _LabelFile:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise InvalidLabels(f"label file {str(path)!r} is too large; allowed: at most {MAX_FILE_BYTES} bytes")
        found = msgspec.json.encode(tomllib.loads(content.decode("utf-8")))
    except InvalidLabels:
        raise
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InvalidLabels(f"label file {str(path)!r} cannot be read as TOML: {error}") from error
    try:
        return msgspec.json.decode(found, type=_LabelFile)
    except msgspec.ValidationError as error:
        said = invalid(found, _LabelFile, "the file", str(error)).replace("$.", "")
        raise InvalidLabels(f"label file {str(path)!r}: {said}") from error
