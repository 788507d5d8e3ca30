"""Writes frames as a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ops.evaluate.copied.contents import Frames


def write_video(frames: Frames, target: Path, *, rate_hz: float, quality_crf: int) -> None:
    """Write H.264 in MP4."""
    height, width = (side & ~1 for side in frames[0].shape[:2])  # 4:2:0 needs even sides
    with av.open(str(target), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(rate_hz), options={"crf": str(quality_crf), "preset": "veryfast", "threads": "1"}
        )
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = width, height
        for frame in frames:
            pixels = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
