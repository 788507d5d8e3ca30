"""Displayed size of a video."""

from __future__ import annotations

from operators.media.geometry import displayed_size
from operators.media.index import VideoStreamIndex


def displayed_px(video: VideoStreamIndex, upright_height: int, upright_width: int) -> tuple[int, int]:
    """Return width and height in square pixels, upright.

    The index contains the size before the display matrix is applied; a sampled frame, which is upright, shows whether
    the matrix swaps the sides.

    Args:
        video: the stream as the container describes it.
        upright_height: of any sampled frame, in pixels.
        upright_width: of the same frame.
    """
    width, height = displayed_size(video.width, video.height, video.pixel_aspect)
    is_turned = (width > height) != (upright_width > upright_height) and upright_width != upright_height
    return (round(height), round(width)) if is_turned else (round(width), round(height))
