"""Outlines: small luma pictures at the full rate, from a few pixels of the codec's own plane."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame

from operators.media.decoders.rendering import Renderer, has_luma_plane
from operators.media.geometry import Size

SIZE = Size(64, 36)


def ramps(height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 grey: brighter to the right and below."""
    rows, columns = np.mgrid[0:height, 0:width]
    levels = 30 + 90 * columns / width + 90 * rows / height
    return np.repeat(levels.astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv444p", "nv12", "yuv420p10le"])
@pytest.mark.parametrize("shape", [(180, 320), (240, 426), (1080, 1918), (20, 48)])
def test_outline_is_the_picture(pixel_format: str, shape: tuple[int, int]) -> None:
    """Of any size, depth and layout, each pixel shows its place in the picture, the last ones included."""
    # Of widths that fill no vector of chroma, libswscale writes beyond the end of small pictures that it makes.
    height, width = shape
    frame = VideoFrame.from_ndarray(ramps(height, width), "rgb24").reformat(format=pixel_format)

    outline = Renderer(width / height).outline(frame, SIZE).astype(np.float64)

    assert has_luma_plane(pixel_format)
    rows, columns = (np.mgrid[0:36, 0:64].T + 0.5).T
    expected = 30 + 90 * columns / 64 + 90 * rows / 36
    slope, offset = np.polyfit(expected.ravel(), outline.ravel(), 1)
    assert 0.8 < slope < 1.05
    assert np.abs(outline - (slope * expected + offset)).max() < 5


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp", "bgra", "yuyv422", "gray16be", "p010le"])
def test_formats_without_a_plane_of_luma(pixel_format: str) -> None:
    """Are converted, as for the motion track."""
    frame = VideoFrame.from_ndarray(ramps(180, 320), "rgb24").reformat(format=pixel_format)

    assert not has_luma_plane(pixel_format)
    assert Renderer(320 / 180).outline(frame, SIZE).shape == (36, 64)


def test_grain_is_averaged() -> None:
    """Sixteen pixels stand for one of the outline."""
    noise = np.random.default_rng(1).normal(120, 20, (360, 640)).clip(0, 255).astype(np.uint8)
    frame = VideoFrame.from_ndarray(noise, "gray").reformat(format="yuv420p")

    assert Renderer(640 / 360).outline(frame, SIZE).std() < 6
