"""Parts of a picture whose hashes recognise copies that show less of it, or that have something laid over it."""

from __future__ import annotations

from typing import Final

from operators.frames.fine_box import FineBox

INNER: Final = "inner"
"""The picture within the picture, see `operators.frames.inner_picture`."""
INNER_TOO: Final = "inner-2"
"""The same at the second most certain place."""
BETWEEN: Final = "between"
"""Not a part, but the whole picture halfway between two sampled ones."""
UPRIGHT: Final = "upright"
"""The middle of a wide picture in 9:16, at full height."""
CENTRES: Final = {"centre-90": 0.9, "centre-80": 0.8}
"""Middle of the picture, share of each side: what is left when edges are cut off."""
COLUMN: Final = "column"
"""Windows of `operators.frames.anchored_columns`, several of a picture."""
MIDDLE_HALF: Final = "middle-half"
"""Half of the height, at full width: what captions above and below leave free."""
BANDS: Final = ("top", "middle", "bottom")
"""Thirds of the height: captions and logos leave at least one of them free."""

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
