"""Numbers by which hashes of pictures are compared; a file of their own, because light roles import no OpenCV."""

from __future__ import annotations

from typing import Final

USABLE_QUALITY: Final = 50
"""Hashes of lower quality are from pictures with too little content, and match by accident."""
COLUMN_QUALITY: Final = 20
"""Of columns, if the video shows enough: a narrow window has fewer gradients than a picture."""
DIFFERENT_BITS: Final = 32
"""Distance of two hashes of 256 bits from which their pictures differ."""
