"""Media that makes the faulty worker's parts fail: marks for its decoder, colours for its models.

What hangs or kills a decoder is a bug of that decoder, and those that we know of are mended upstream sooner or later;
so the tests plant bugs of their own and mark the media that shall meet them.
"""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.boxes import box

MARK_BYTES = 24
HANG_MARK = b"planted: hang           "
ABORT_MARK = b"planted: abort          "

Colour = tuple[int, int, int]
NAN_COLOUR: Colour = (255, 0, 255)
"""The nudity model of the faulty worker answers NaN to pictures of it."""
DEATH_COLOUR: Colour = (0, 255, 255)
"""The nudity model of the faulty worker kills its process at pictures of it."""


LOSS_COLOUR: Colour = (255, 128, 0)
"""The faulty worker's device is lost at pictures of it."""


def marked(healthy: Path, path: Path, mark: bytes) -> Path:
    """A healthy MP4 with a mark in a box at its end that players skip."""
    shutil.copyfile(healthy, path)
    with path.open("ab") as file:
        file.write(box(b"free", mark))
    return path


def coloured(path: Path, colour: Colour) -> Path:
    """Two seconds of one colour."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), colour, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
