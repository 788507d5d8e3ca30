"""Long sequences of shots between which all changes are hard cuts, in scenes of quick and of slow editing."""

from __future__ import annotations

import numpy as np

from ops.evaluate.generated_shots import MOVEMENTS, FrameShape, chosen, drawn_path, filmed
from ops.evaluate.joined_sequences import Part, Sequence
from ops.evaluate.scene_material import SceneMaterial

LENGTHS_SECONDS = (100.0, 240.0)
"""Of small pictures: all of them are decoded."""
SAMPLED_SECONDS = (450.0, 900.0)
"""Of these a part is decoded, however small the pictures are."""
SCENES_SECONDS = (8.0, 30.0)
SHOTS_SECONDS = ((0.7, 2.0), (2.0, 6.0), (6.0, 15.0))
"""Lengths of the shots of quick, usual and slow scenes."""
FRAME = FrameShape(320, 180)
SAMPLED_FRAME = FrameShape(160, 90)
RATE_HZ = 25.0
GROUPS = (50, 100, 250)
"""Most pictures between keyframes; the encoder begins most shots with one."""


def drawn_long_sequence(name: str, seed: int, material: SceneMaterial) -> Sequence:
    """Return a video of 100 to 240 s, drawn from a seed."""
    return _drawn(name, seed, material, LENGTHS_SECONDS, FRAME, 1.0)


def drawn_sampled_sequence(name: str, seed: int, material: SceneMaterial) -> Sequence:
    """Return a video of 7 to 15 minutes, drawn from a seed."""
    return _drawn(name, seed, material, SAMPLED_SECONDS, SAMPLED_FRAME, 0.0)


def _drawn(
    name: str,
    seed: int,
    material: SceneMaterial,
    lengths_seconds: tuple[float, float],
    frame: FrameShape,
    grain_levels: float,
) -> Sequence:
    draw = np.random.default_rng(seed)
    left_seconds = float(draw.uniform(*lengths_seconds))
    parts: list[Part] = []
    while left_seconds > 0:
        scene_seconds, lengths = float(draw.uniform(*SCENES_SECONDS)), chosen(draw, SHOTS_SECONDS)
        while scene_seconds > 0:
            seconds = float(draw.uniform(*lengths))
            shot = filmed(chosen(draw, material.pictures), frame, drawn_path(draw, chosen(draw, MOVEMENTS)))
            parts.append(Part(shot, seconds, "hard"))
            scene_seconds, left_seconds = scene_seconds - seconds, left_seconds - seconds
    return Sequence(name, tuple(parts), frame, RATE_HZ, chosen(draw, GROUPS), grain_levels, seed)
