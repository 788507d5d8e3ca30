"""Pictures that generated sequences are made of: of folders, and drawn from a seed.

SceneMaterial is divided by the hash of its name into a part that thresholds may be fitted on, and a held-out part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

Part = Literal["fit", "held-out"]
Picture = np.ndarray
"""(H, W, 3) uint8 RGB."""

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
MIN_SIDE_PX = 240
"""Smaller pictures would be blown up."""
MAX_SIDE_PX = 1600
MIN_DEVIATION = 20.0
"""Of luma: masks, depth maps and icons on white have less, or few levels."""
NUM_DRAWN = 16
"""Textures that are drawn for each part."""


@dataclass(frozen=True, slots=True)
class SceneMaterial:
    """What shots are made of."""

    pictures: tuple[Picture, ...]


def part_of(name: str) -> Part:
    """Return the part to which material of that name belongs; about half each."""
    return "held-out" if hashlib.sha256(name.encode()).digest()[0] % 2 else "fit"


def material_of(part: Part, seed: int, folders: Sequence[Path] = ()) -> SceneMaterial:
    """Return drawn pictures, and those of folders, of one part.

    Args:
        part: of the material.
        seed: of what is drawn; the parts draw different pictures.
        folders: with pictures, at any depth; unreadable and unsuitable files are left out.
    """
    offset = 0 if part == "fit" else NUM_DRAWN
    drawn = [drawn_picture(seed * 1000 + offset + number) for number in range(NUM_DRAWN)]
    files = sorted(path for folder in folders for path in folder.rglob("*") if part_of(path.name) == part)
    photos = [_photo(path) for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    return SceneMaterial((*drawn, *(photo for photo in photos if photo is not None)))


def drawn_picture(seed: int, height_px: int = 720, width_px: int = 1280) -> Picture:
    """Return a picture with the spectrum of natural ones, a few surfaces and edges."""
    draw = np.random.default_rng(seed)
    layers = [_octave(draw, side, height_px, width_px) / weight for side, weight in ((3, 1), (9, 2), (30, 4), (120, 9))]
    levels = np.stack(layers).sum(axis=0)
    shades = (levels - levels.mean()) / levels.std() * 45 + draw.uniform(80, 170)
    picture = np.asarray(np.clip(shades, 0, 255), np.uint8)
    for _ in range(int(draw.integers(3, 12))):
        _draw_surface(draw, picture)
    return picture


def _octave(draw: np.random.Generator, side: int, height_px: int, width_px: int) -> np.ndarray:
    coarse = draw.random((side, side * 2, 3)).astype(np.float32)
    coarse = coarse * 0.4 + coarse.mean(axis=2, keepdims=True) * 0.6
    return np.asarray(cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC))


def _draw_surface(draw: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    centre = (int(draw.integers(0, width)), int(draw.integers(0, height)))
    axes = (int(draw.integers(width // 40, width // 5)), int(draw.integers(height // 40, height // 4)))
    shade = np.zeros(picture.shape[:2], np.uint8)
    if draw.random() < 0.5:
        cv2.ellipse(shade, centre, axes, float(draw.uniform(0, 180)), 0, 360, 255, -1)
    else:
        cv2.rectangle(shade, centre, (centre[0] + axes[0], centre[1] + axes[1]), 255, -1)
    colour = draw.integers(0, 256, 3)
    covered = shade > 0
    picture[covered] = (picture[covered] * 0.25 + colour * 0.75).astype(np.uint8)


def _photo(path: Path) -> Picture | None:
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if stored is None or min(stored.shape[:2]) < MIN_SIDE_PX or stored.std() < MIN_DEVIATION:
        return None
    scale = min(1.0, MAX_SIDE_PX / max(stored.shape[:2]))
    small = cv2.resize(stored, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, :, ::-1])
