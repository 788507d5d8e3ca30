"""Names of the 1000 ImageNet classes, and what some of them have in common."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from models.efficientnet_lite0 import NUM_CLASSES
from models.weight_files import IMAGENET_CLASS_NAMES
from models.weights import WeightsCorrupt, weight_path

GROUPS_FILE: Final = Path(__file__).with_name("imagenet_groups.toml")


def load_imagenet_labels(cache_dir: Path) -> tuple[str, ...]:
    """Return readable class names, by the index of the class.

    Some names are those of two classes (`missile`), which only the index distinguishes.

    Raises:
        WeightsMissing: the list was never fetched.
        WeightsCorrupt: its hash differs from the card's.
    """
    path = weight_path(IMAGENET_CLASS_NAMES, cache_dir)
    names = tuple(str(name) for name in json.loads(path.read_text(encoding="utf-8")))
    if len(names) != NUM_CLASSES:
        raise WeightsCorrupt(f"{path}: {len(names)} class names, must be {NUM_CLASSES}")
    return names


def load_imagenet_groups() -> tuple[str, ...]:
    """Return for each class, by its index, the word that it has in common with others, such as `dog`; empty if none."""
    return _groups(tomllib.loads(GROUPS_FILE.read_text(encoding="utf-8")))


def _groups(table: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    words = [""] * NUM_CLASSES
    for word, ranges in table.items():
        for first, last in (_ends(given) for given in ranges):
            words[first : last + 1] = [word] * (last + 1 - first)
    return tuple(words)


def _ends(given: str) -> tuple[int, int]:
    """Of `80-100`, or of one number."""
    first, _, last = given.partition("-")
    return int(first), int(last or first)
