"""The example of a new operator: how colourful the pictures of a video are."""

from __future__ import annotations

import re
from typing import Final

from tests.recipes.edits import Recipe, after, before, several

_OPERATOR: Final = '''"""How colourful a picture is (Hasler and Süsstrunk 2003)."""

from __future__ import annotations

import numpy as np


def colourfulness(pixels: np.ndarray) -> float:
    """Colourfulness of (H, W, 3) uint8 RGB: 0 for grey, above 100 for the most colourful pictures."""
    red, green, blue = np.moveaxis(pixels.astype(np.float32), -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
'''
_TEST: Final = '''"""How colourful a picture is."""

from __future__ import annotations

import numpy as np

from operators.frames.colourfulness import colourfulness


def test_grey_has_no_colour() -> None:
    """Whatever its brightness."""
    assert colourfulness(np.full((8, 8, 3), 77, np.uint8)) == 0.0


def test_noise_has_much() -> None:
    """Every channel for itself."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert colourfulness(noise) > 100.0
'''


def _raised(text: str) -> str:
    """One more for the agent of pictures."""
    head, found, rest = text.partition('modality="frames"')
    assert found
    return (
        head + found + re.sub(r"code_version=(\d+)", lambda match: f"code_version={int(match[1]) + 1}", rest, count=1)
    )


OPERATOR: Final = Recipe(
    what="an operator",
    new_files={
        1: {
            "operators/frames/colourfulness.py": _OPERATOR,
            "tests/unit/operators/frames/test_colourfulness.py": _TEST,
        },
    },
    changes={
        2: {
            "schemas/features.py": before(
                '"visual.perceptual_hashes": FeatureSpec',
                '    "visual.colourfulness": FeatureSpec("frames", "number", "mean; 0 grey, above 100 the most"),',
            ),
            "docs/recommender.md": before(
                "| `visual.perceptual_hashes` |",
                "| `visual.colourfulness` | frames | number | mean; 0 grey, above 100 the most |",
            ),
        },
        3: {
            "operators/frames/frame_features.py": several(
                before("from operators.frames.image_input", "from operators.frames.colourfulness import colourfulness"),
                after("    quality: FrameQuality", "    colourfulness: float"),
                after("quality=frame_quality(luma)", "        colourfulness=colourfulness(pixels),"),
            ),
            "streams/analysis/agents/seen_frame.py": after("    quality: FrameQuality", "    colourfulness: float"),
            "streams/analysis/agents/frames.py": several(
                after("quality=look.quality", "        colourfulness=look.colourfulness,"),
                after('_HASH = "pdq@2"', '_COLOUR = "colourfulness@1"'),
                after(
                    "            **_quality_features(work, frames),",
                    "            **features_of(work, _COLOUR, "
                    '{"visual.colourfulness": float(np.mean([frame.colourfulness for frame in frames]))}),',
                ),
            ),
        },
        4: {"streams/analysis/agents/agent_registry.py": _raised},
    },
    not_needed={5: "the example declares no label", 6: "the example runs no model"},
    only_read=frozenset({"operators/media/tracks.py", "operators/code_versions.json"}),
)
"""Measured on single pictures, it touches all that a feature may touch."""
