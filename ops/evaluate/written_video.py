"""Writes generated pictures to a file."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av

from ops.evaluate.scene_material import Picture


def write_video(path: Path, pictures: Iterable[Picture], rate_hz: float, *, group: int = 60, crf: int = 24) -> None:
    """Encode pictures of one size as H.264 in MP4.

    Args:
        path: of the file.
        pictures: at least one; sides are even.
        rate_hz: pictures per second.
        group: most pictures between keyframes.
        crf: constant rate factor of x264.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "veryfast", "g": str(group)}
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if not stream.codec_context.is_open:
                stream.width, stream.height = frame.width, frame.height
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
