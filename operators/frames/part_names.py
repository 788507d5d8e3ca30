"""Names of the parts of a picture that are hashed, as copies are recognised by them."""

from __future__ import annotations

from typing import Final

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
