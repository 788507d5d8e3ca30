"""Copies of clips as uploaders make them: recompressed, cropped, letterboxed, mirrored, sped up. Pictures only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

_LONGEST_SECONDS = 8
_LONGEST_SIDE_PX = 640


@dataclass(frozen=True, slots=True)
class Copy:
    """One way to make a copy."""

    change: Callable[[Picture], Picture]
    speed: Fraction = Fraction(1)
    quality_crf: int = 23
    """Constant rate factor of x264: 23 is its default, 38 shows blocks."""


def _unchanged(picture: Picture) -> Picture:
    return picture


def _cropped(picture: Picture) -> Picture:
    """Remove 10 % of the width and of the height, half on each side."""
    height, width = picture.shape[:2]
    return picture[height // 20 : height - height // 20, width // 20 : width - width // 20]


def _letterboxed(picture: Picture) -> Picture:
    """Black bars above and below, an eighth of the height each."""
    bar = picture.shape[0] // 8
    return np.pad(picture, ((bar, bar), (0, 0), (0, 0)))


def _mirrored(picture: Picture) -> Picture:
    return picture[:, ::-1]


COPIES: Final[dict[str, Copy]] = {
    "re-encoded": Copy(_unchanged, quality_crf=38),
    "cropped": Copy(_cropped),
    "letterboxed": Copy(_letterboxed),
    "mirrored": Copy(_mirrored),
    "sped up 1.25x": Copy(_unchanged, Fraction(5, 4)),
    "sped up 2x": Copy(_unchanged, Fraction(2)),
}


def make_copy(source: Path, copy: Copy, target: Path) -> None:
    """Write a copy of a clip's first seconds as H.264; `target` appears complete or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as folder:
        partial = Path(folder) / target.name
        with av.open(str(source)) as opened, av.open(str(partial), "w") as container:
            rate = Fraction(round(opened.streams.video[0].average_rate or 25))
            stream = container.add_stream("libx264", rate=rate * copy.speed, options={"crf": str(copy.quality_crf)})
            stream.pix_fmt = "yuv420p"
            for number, picture in enumerate(_pictures(opened, copy, most=_LONGEST_SECONDS * round(rate))):
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, 1 / (rate * copy.speed)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        partial.replace(target)


def _pictures(opened: av.container.InputContainer, copy: Copy, most: int) -> Iterator[Picture]:
    for number, frame in enumerate(opened.decode(video=0)):
        if number == most:
            return
        scale = min(1.0, _LONGEST_SIDE_PX / max(frame.width, frame.height))
        small = frame.reformat(width=round(frame.width * scale), height=round(frame.height * scale), format="rgb24")
        changed = copy.change(small.to_ndarray().astype(np.uint8, copy=False))
        height, width = (side & ~1 for side in changed.shape[:2])  # 4:2:0 needs even sides
        yield np.ascontiguousarray(changed[:height, :width])
