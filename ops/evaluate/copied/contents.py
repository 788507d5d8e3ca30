"""Contents of videos: photographs under a moving camera, with cut-outs that move over them, and collages. No two
contents share a photograph or a cut-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

RATE_HZ: Final = 15
LENGTH_SECONDS: Final = 9.0
WIDTH_PX: Final = 480
HEIGHT_PX: Final = 270
NUM_CUT_OUTS: Final = 8
"""Of each content."""

Frames = list[np.ndarray]
"""(H, W, 3) uint8 RGB each, 15 a second."""

_LONGEST_PX: Final = 1200
_CUT_OUT_PX: Final = 110
_MOVING: Final = 3
"""Cut-outs that move; the others are in the collage."""
_ZOOM: Final = (0.55, 1.0)
"""Share of the background that the camera shows."""


@dataclass(frozen=True, slots=True)
class Material:
    """What one content is made of."""

    name: str
    photograph: Path | None
    """None: a collage throughout."""
    cut_outs: Sequence[Path]


def content(material: Material, seed: int) -> Frames:
    """Return a video of two shots: the photograph and a collage, or two collages."""
    random = np.random.default_rng(seed)
    cut_outs = [cut_out for path in material.cut_outs if (cut_out := _cut_out(path)) is not None]
    num_frames = round(RATE_HZ * LENGTH_SECONDS)
    first = round(num_frames * random.uniform(0.3, 0.7))
    moving, lying = cut_outs[:_MOVING], cut_outs[_MOVING:]
    ground = _collage(moving, random) if material.photograph is None else _picture(material.photograph)
    shot = _under_camera(ground, first, random)
    _move_over(shot, moving, random)
    return shot + _under_camera(_collage(lying, random), num_frames - first, random)


def _picture(path: Path) -> np.ndarray:
    read: Any = cv2.imread(str(path), cv2.IMREAD_COLOR)
    scale = min(1.0, _LONGEST_PX / max(read.shape[:2]))
    small = cv2.resize(read, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))


def _cut_out(path: Path) -> np.ndarray | None:
    """Return (H, W, 4) uint8 RGB and opacity; None for a picture without transparency."""
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if read is None or read.ndim != 3 or read.shape[2] != 4 or read.dtype != np.uint8:
        return None
    scale = _CUT_OUT_PX / max(read.shape[:2])
    return np.asarray(cv2.resize(cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA), None, fx=scale, fy=scale))


def _collage(cut_outs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Return a picture of cut-outs on a ground of soft blotches."""
    blotches = random.integers(40, 216, (6, 9, 3), dtype=np.uint8)
    ground = np.asarray(cv2.resize(blotches, (2 * WIDTH_PX, 2 * HEIGHT_PX), interpolation=cv2.INTER_CUBIC))
    for cut_out in [*cut_outs] * 3:
        large = cv2.resize(cut_out, None, fx=2.0, fy=2.0)
        _put(ground, large, *random.uniform(0, 1, 2))
    return ground


def _put(ground: np.ndarray, cut_out: np.ndarray, across: float, down: float) -> None:
    """Draw a cut-out at a place, in shares of the free width and height."""
    height, width = (min(one, other) for one, other in zip(cut_out.shape[:2], ground.shape[:2], strict=True))
    top, left = round(down * (ground.shape[0] - height)), round(across * (ground.shape[1] - width))
    opacity = cut_out[:height, :width, 3:].astype(np.float32) / 255
    place = ground[top : top + height, left : left + width]
    place[:] = (cut_out[:height, :width, :3] * opacity + place * (1 - opacity)).astype(np.uint8)


def _under_camera(ground: np.ndarray, num_frames: int, random: np.random.Generator) -> Frames:
    """Return what a camera shows that moves from one window of the ground to another; one time in five it stands."""
    begin = _window(ground.shape, random)
    end = begin if random.uniform() < 0.2 else _window(ground.shape, random)
    windows = (begin + (end - begin) * number / max(1, num_frames - 1) for number in range(num_frames))
    return [_shown(ground, window) for window in windows]


def _window(shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
    """Return left, top and scale of a window in the aspect of the video."""
    height, width = shape[:2]
    shown_px = random.uniform(*_ZOOM) * min(width, height * WIDTH_PX / HEIGHT_PX)
    across, down = random.uniform(0, 1, 2)
    return np.array(
        [across * (width - shown_px), down * (height - shown_px * HEIGHT_PX / WIDTH_PX), WIDTH_PX / shown_px]
    )


def _shown(ground: np.ndarray, window: np.ndarray) -> np.ndarray:
    left, top, scale = window
    matrix: Any = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    return np.asarray(
        cv2.warpAffine(ground, matrix, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    )


def _move_over(frames: Frames, cut_outs: Sequence[np.ndarray], random: np.random.Generator) -> None:
    """Draw cut-outs into the frames, each on a straight way."""
    for cut_out in cut_outs:
        begin, end = random.uniform(0, 1, (2, 2))
        for number, frame in enumerate(frames):
            _put(frame, cut_out, *(begin + (end - begin) * number / len(frames)))
