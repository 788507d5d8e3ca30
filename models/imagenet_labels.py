"""Names of the 1000 ImageNet classes."""

from __future__ import annotations

import json
from pathlib import Path

from models.efficientnet_lite0 import NUM_CLASSES
from models.weight_files import IMAGENET_CLASS_NAMES
from models.weights import WeightsCorrupt, weight_path


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
