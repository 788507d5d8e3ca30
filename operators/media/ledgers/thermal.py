"""What thermal cameras store in the segments of a JPEG photograph: the readings of their sensor, as another picture."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from operators.media.ledgers.ledger import Extent

MAX_THERMAL_BYTES: Final = 16 * 2**20
"""Of one file: a sensor of 1.3 million pixels, and a photograph of a second camera."""
_FLIR: Final = b"FLIR\0"
_FLIR_HEAD_BYTES: Final = 8
"""With the number of a part and that of the last one."""
_FLIR_FILE: Final = b"FFF\0"
_MARKERS: Final = range(0xE3, 0xEF)
"""Of segments that no standard has given to anything else."""
_SENSORS: Final = (
    (160, 120), (256, 192), (320, 240), (320, 256), (336, 256), (384, 288), (640, 480), (640, 512), (1024, 768),
    (1280, 1024),
)  # fmt: skip
_READING_BYTES: Final = 2


def thermal_parts(whole: bytes, notes: list[Extent]) -> list[Extent]:
    """Return the segments that hold the readings of a thermal camera: those of FLIR by their header, raw ones by their
    length, which is that of a sensor.

    Args:
        whole: the file, as far as it was read.
        notes: bodies of its application segments.
    """
    flir = [extent for extent in notes if whole.startswith(_FLIR, extent[0])]
    if flir and not whole.startswith(_FLIR_FILE, flir[0][0] + _FLIR_HEAD_BYTES):
        flir = []
    raw: defaultdict[int, list[Extent]] = defaultdict(list)
    for start, stop in notes:
        if (marker := whole[start - 3]) in _MARKERS:
            raw[marker].append((start, stop))
    sensors = {_READING_BYTES * width * height for width, height in _SENSORS}
    found = [*flir, *(part for parts in raw.values() if _num_bytes(parts) in sensors for part in parts)]
    return found if _num_bytes(found) <= MAX_THERMAL_BYTES else []


def _num_bytes(extents: list[Extent]) -> int:
    return sum(stop - start for start, stop in extents)
