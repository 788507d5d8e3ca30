"""Long sequences of shots between which all changes are hard cuts, in scenes of quick and of slow editing."""

from __future__ import annotations

import numpy as np

from ops.evaluate.generated_shots import MOVEMENTS, FrameShape, chosen, drawn_path, filmed
from ops.evaluate.joined_sequences import Part, Sequence
from ops.evaluate.scene_material import SceneMaterial

LENGTHS_SECONDS = (100.0, 240.0)
SCENES_SECONDS = (8.0, 30.0)
SHOTS_SECONDS = ((0.7, 2.0), (2.0, 6.0), (6.0, 15.0))
"""Lengths of the shots of quick, usual and slow scenes."""
FRAME = FrameShape(320, 180)
RATE_HZ = 25.0
GROUP = 100
"""Pictures between keyframes."""


def drawn_long_sequence(name: str, seed: int, material: SceneMaterial) -> Sequence:
    """Return a video of 100 to 240 s, drawn from a seed."""
    draw = np.random.default_rng(seed)
    left_seconds = float(draw.uniform(*LENGTHS_SECONDS))
    parts: list[Part] = []
    while left_seconds > 0:
        scene_seconds, lengths = float(draw.uniform(*SCENES_SECONDS)), chosen(draw, SHOTS_SECONDS)
        while scene_seconds > 0:
            seconds = float(draw.uniform(*lengths))
            shot = filmed(chosen(draw, material.pictures), FRAME, drawn_path(draw, chosen(draw, MOVEMENTS)))
            parts.append(Part(shot, seconds, "hard"))
            scene_seconds, left_seconds = scene_seconds - seconds, left_seconds - seconds
    return Sequence(name, tuple(parts), FRAME, RATE_HZ, GROUP, 1.0, seed)
