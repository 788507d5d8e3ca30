"""What every video decoder promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from operators.media.geometry import Size
from operators.media.plan import DecodeSpan


class DecoderFailed(Exception):
    """This decoder cannot open or read the file; another one may."""


class DecodedFrame(Protocol):
    """A picture that was decoded and not yet scaled: asking for a rendering is what costs."""

    @property
    def pts_seconds(self) -> float:
        """On the file's timeline."""

    @property
    def is_keyframe(self) -> bool:
        """Whether it stands on its own."""

    def views(self, size: Size) -> list[npt.NDArray[np.uint8]]:
        """`(H, W, 3)` uint8 RGB, upright, in the colours of a standard screen; one, or of a transparent picture one for
        each way in which players show it. `size` is before rotation: a quarter turn swaps H and W."""

    def luma(self, size: Size) -> npt.NDArray[np.uint8]:
        """`(h, w)` uint8, upright."""


class VideoDecoder(Protocol):
    """Reads one file, span after span, forwards only.

    - `decode` yields the frames of a span in order of time, pts strictly increasing over all spans. It yields
    nothing
      that is shown wholly before the span, and may leave out frames that no other frame needs if the plan
      says so.
    - A broken packet is skipped and counted in `num_errors`; `DecoderFailed` means that nothing more will
    come.
    - `close` may be called at any time and frees everything.
    """

    num_decoded: int
    """Pictures the codec produced, lead-ins included."""
    num_errors: int
    num_encrypted: int
    """Packets that only a key would open; they are not decoded."""
    num_discarded: int
    """Pictures that were left out because their time was not after that of the one before."""
    packet_seconds: list[float]
    """When each packet of the spans is shown, in any order: those of which no picture came, too."""
    damaged_seconds: list[float]
    """The same of those that the codec complained about, and of encrypted ones."""

    def decode(self, span: DecodeSpan) -> Iterator[DecodedFrame]:
        """Frames of `span`; a keyframe sample yields one."""

    def close(self) -> None:
        """Free everything."""
