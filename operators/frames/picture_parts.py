"""Parts of a picture whose hashes recognise copies that show less of it, or that have something laid over it."""

from __future__ import annotations

from typing import Final

from operators.frames.fine_box import FineBox
from operators.frames.part_names import BANDS, CENTRES, MIDDLE_HALF, UPRIGHT

_UPRIGHT_ASPECT: Final = 9 / 16
_MIN_CUT: Final = 0.9
"""An upright part that is nearly as wide as the picture is not made."""


def part_boxes(height_px: int, width_px: int) -> dict[str, FineBox]:
    """Return the parts of a picture by name, without the inner one."""
    thirds = [round(height_px * third / 3) for third in range(4)]
    boxes = {
        MIDDLE_HALF: _middle(height_px, width_px, 0.5, 1.0),
        **{name: _middle(height_px, width_px, ratio, ratio) for name, ratio in CENTRES.items()},
        **{name: FineBox(thirds[third], thirds[third + 1], 0, width_px) for third, name in enumerate(BANDS)},
    }
    upright_ratio = height_px * _UPRIGHT_ASPECT / width_px
    if upright_ratio <= _MIN_CUT:
        boxes[UPRIGHT] = _middle(height_px, width_px, 1.0, upright_ratio)
    return boxes


def _middle(height_px: int, width_px: int, height_ratio: float, width_ratio: float) -> FineBox:
    top, left = round(height_px * (1 - height_ratio) / 2), round(width_px * (1 - width_ratio) / 2)
    return FineBox(top, height_px - top, left, width_px - left)
