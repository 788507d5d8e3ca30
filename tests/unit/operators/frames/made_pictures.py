"""Pictures of shapes and waves, which no two seeds share, and videos of them that move."""

from __future__ import annotations

import cv2
import numpy as np


def picture(seed: int, height_px: int = 180, width_px: int = 320) -> np.ndarray:
    """(H, W) uint8: waves that fall off with frequency, as in photographs, and some edges."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height_px, 0:width_px] / 180.0
    waves = np.zeros((height_px, width_px))
    for _ in range(40):
        across, down = random.uniform(-8.0, 8.0, 2)
        waves += np.sin(2 * np.pi * (across * columns + down * rows) + random.uniform(0, 7)) / np.hypot(across, down)
    levels = (waves - waves.min()) / (waves.max() - waves.min()) * 200 + 20
    for _ in range(5):
        centre = (int(random.integers(width_px)), int(random.integers(height_px)))
        cv2.circle(levels, centre, int(random.integers(10, 30)), float(random.integers(20, 235)), -1)
    return levels.astype(np.uint8)


def moving(seed: int, num_frames: int = 4, step_px: int = 24) -> np.ndarray:
    """(N, 180, 320) uint8: a pan over a wide picture."""
    wide = picture(seed, 180, 320 + step_px * num_frames)
    return np.stack([wide[:, step_px * number : step_px * number + 320] for number in range(num_frames)])


def colour(luma: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 of a grey picture."""
    return np.repeat(luma[..., None], 3, axis=-1)
