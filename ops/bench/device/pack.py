"""Fills the folder that travels to a machine with an accelerator: `python -m ops.bench.device.pack FOLDER`.

Inputs are decoded here, because such a machine has no decoder. Weights that do not fit are left out, the largest first.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from models.card import Card
from models.card_registry import CARDS
from models.model_files import WeightFile
from models.weights import cached_weight, weight_path
from operators.inference.reference_inputs import FILE_NAME, name_of_inputs
from ops.bench.device.carried import INPUTS, MAX_BYTES, MIX, WHEELS

PYTHON: Final = "3.12"
PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
PACKAGES: Final = ("msgspec", "psutil")
"""What this benchmark imports and images with torch, torchvision, torchaudio, tokenizers and OpenCV lack."""
SPARE_BYTES: Final = 2**20
MAX_INPUTS: Final = 32
"""Of a model, from all clips alike; more would take the room of weights, and comparisons repeat them anyway."""
_TREES: Final = ("schemas", "models", "operators", "streams", "ops", "tests", "docs")


def cards() -> tuple[Card, ...]:
    """Return the cards of the models that are measured."""
    return tuple(card for card in CARDS.values() if card.batch_sizes and "cuda" in card.devices)


def pack(folder: Path, cache_dir: Path, mix: dict[str, float], tree_bytes: int) -> tuple[str, ...]:
    """Write inputs, mix and weights.

    Args:
        folder: is created; what an earlier call wrote is replaced.
        cache_dir: with weights and reference inputs, which have been fetched.
        mix: items of each model in a video of the sample mix.
        tree_bytes: of the source tree that travels with it.

    Returns:
        The models whose weights did not fit; they run with random ones.

    Raises:
        ValueError: inputs alone do not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / INPUTS, allow_pickle=False, **_inputs(cache_dir))
    (folder / MIX).write_text(json.dumps(mix, indent=2) + "\n", encoding="utf-8")
    left = MAX_BYTES - SPARE_BYTES - tree_bytes - (folder / INPUTS).stat().st_size
    if left < 0:
        raise ValueError(f"inputs and source tree take {MAX_BYTES - SPARE_BYTES - left} bytes, allowed are {MAX_BYTES}")
    shutil.rmtree(folder / "weights", ignore_errors=True)
    left_out = []
    for card in _by_size(cards(), cache_dir):
        num_bytes = _num_bytes(card, cache_dir)
        if num_bytes > left:
            left_out.append(card.name)
            continue
        left -= num_bytes
        for file in card.files:
            _copy(file, cache_dir, folder)
    return tuple(left_out)


def _inputs(cache_dir: Path) -> dict[str, np.ndarray]:
    """Return what models of the accelerator are given; frames that several take are there once, as they are stored."""
    with np.load(cache_dir / FILE_NAME, allow_pickle=False) as stored:
        names = dict.fromkeys(name_of_inputs(card, CARDS) for card in cards())
        return {name: _spread(stored[name]) for name in names}


def _spread(items: np.ndarray) -> np.ndarray:
    """Return at most MAX_INPUTS items, at equal distances."""
    places = np.linspace(0, len(items) - 1, min(len(items), MAX_INPUTS)).round().astype(int)
    return np.take(items, places, axis=0)


def _by_size(found: Iterable[Card], cache_dir: Path) -> list[Card]:
    return sorted(found, key=lambda card: _num_bytes(card, cache_dir))


def _num_bytes(card: Card, cache_dir: Path) -> int:
    return sum(weight_path(file, cache_dir).stat().st_size for file in card.files)


def _copy(file: WeightFile, cache_dir: Path, folder: Path) -> None:
    target = cached_weight(file, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weight_path(file, cache_dir), target)


def fetch_wheels(folder: Path) -> None:
    """Download what the other machine's Python lacks, in the versions that are installed here.

    Raises:
        subprocess.CalledProcessError: pip cannot download one.
    """
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pinned = [f"{name}=={version(name)}" for name in PACKAGES]
    command = ["pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    where = ["--python-version", PYTHON, *platforms, "-d", str(folder / WHEELS)]
    subprocess.run([sys.executable, "-P", "-m", *command, *where, *pinned], check=True)


def tree_bytes(root: Path) -> int:
    """Return the size of the source tree, without what Python compiled there."""
    found = (path for tree in _TREES for path in (root / tree).rglob("*") if "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in found if path.is_file())


def main() -> None:
    """Pack into the folder that the command line names."""
    from ops.assets import fetch_samples, fetch_weights, make_reference_inputs
    from ops.bench.engines.sample_mix import items_per_video
    from streams.config.settings import read_settings

    folder, settings = Path(sys.argv[1]), read_settings()
    fetch_weights(settings.cache_dir)
    fetch_samples(settings.cache_dir)
    make_reference_inputs(settings.cache_dir)
    mix = asyncio.run(items_per_video(settings))
    left_out = pack(folder, settings.cache_dir, mix, tree_bytes(Path(__file__).parents[3]))
    fetch_wheels(folder)
    print(f"{folder}: random weights for {', '.join(left_out) or 'no model'}")


if __name__ == "__main__":
    main()
