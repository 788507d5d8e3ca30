"""The interface of every video decoder."""

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
    """A decoded picture that is not yet scaled: only renderings are expensive."""

    @property
    def pts_seconds(self) -> float:
        """On the file's timeline."""

    @property
    def is_keyframe(self) -> bool:
        """Whether it can be decoded by itself."""

    def views(self, size: Size) -> list[npt.NDArray[np.uint8]]:
        """Return `(H, W, 3)` uint8 RGB, upright, in the colours of a standard display; one, or for a transparent
        picture one for each way in which players show it. `size` is before rotation: a quarter turn swaps H and W."""

    def luma(self, size: Size) -> npt.NDArray[np.uint8]:
        """Return `(h, w)` uint8, upright."""

    def outline(self, size: Size) -> npt.NDArray[np.uint8]:
        """Return `(h, w)` uint8 for comparison with other outlines of the same video: quick, of the codec's own luma if
        there is one, not turned."""


class VideoDecoder(Protocol):
    """Reads one file, span after span, forwards only.

    - `decode` yields the frames of a span in order of time, pts strictly increasing over all spans. It yields nothing
      that is shown completely before the span, and may leave out non-reference frames if the plan permits it.
    - A broken packet is skipped and counted in `num_errors`; `DecoderFailed` means that no more frames follow.
    - `close` may be called at any time and releases everything.
    """

    num_decoded: int
    """Pictures that the codec produced, including lead-ins."""
    num_errors: int
    num_encrypted: int
    """Encrypted packets; they are not decoded."""
    num_discarded: int
    """Pictures that were left out because their time was not after that of the previous one."""
    packet_seconds: list[float]
    """Display time of each packet of the spans, in any order, including packets without a picture."""
    damaged_seconds: list[float]
    """The same of packets with logged errors, and of encrypted ones."""

    def decode(self, span: DecodeSpan) -> Iterator[DecodedFrame]:
        """Yield the frames of `span`; a keyframe sample yields one."""

    def close(self) -> None:
        """Release everything."""
