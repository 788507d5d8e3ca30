"""A picture as PyAV decodes it; the frames of `decoders.pyav` and of `decoders.webp`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from operators.media.decoders.rendering import PictureOrientation, Renderer
from operators.media.geometry import Size


@dataclass(frozen=True, slots=True)
class PyavFrame:
    """A decoded picture in the codec's own format."""

    pts_seconds: float
    is_keyframe: bool
    picture: VideoFrame
    look: PictureOrientation
    renderer: Renderer

    def views(self, size: Size) -> list[npt.NDArray[np.uint8]]:
        """See `DecodedFrame.views`."""
        return self.renderer.views(self.picture, size, self.look)

    def luma(self, size: Size) -> npt.NDArray[np.uint8]:
        """See `DecodedFrame.luma`."""
        return self.renderer.luma(self.picture, size, self.look)

    def outline(self, size: Size) -> npt.NDArray[np.uint8]:
        """See `DecodedFrame.outline`."""
        return self.renderer.outline(self.picture, size)
