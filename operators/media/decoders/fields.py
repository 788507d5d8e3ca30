"""One field of an interlaced picture. Decoder process only."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

MIN_LINES = 4
"""A picture with fewer lines is not separated into fields."""


def first_field(picture: VideoFrame) -> VideoFrame:
    """Return every other line of a picture, from the first on: the content at one time.

    An interlaced picture contains two times; moving edges look like combs. Sampled pictures are shrunk to so few lines
    that one field is sufficient.
    """
    if picture.height < MIN_LINES:
        return picture
    field = VideoFrame(picture.width, (picture.height + 1) // 2, picture.format.name)
    for source, target in zip(picture.planes, field.planes, strict=True):
        lines = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)[: source.height : 2]
        room = np.frombuffer(memoryview(target), np.uint8).reshape(-1, target.line_size)
        num_lines, num_bytes = min(len(lines), target.height), min(source.line_size, target.line_size)
        room[:num_lines, :num_bytes] = lines[:num_lines, :num_bytes]
        room[num_lines : target.height, :num_bytes] = lines[-1, :num_bytes]
    field.colorspace, field.color_range = picture.colorspace, picture.color_range
    return field
