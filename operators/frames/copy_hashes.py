"""Hashes by which copies of a video are found: of each sampled picture, of parts of some of them, and between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from operators.frames.flat_margins import PictureBox, without_margins
from operators.frames.hash_limits import DIFFERENT_BITS
from operators.frames.inner_picture import inner_picture
from operators.frames.perceptual_hash import PerceptualHash, perceptual_hash
from operators.frames.picture_parts import BETWEEN, INNER, part_boxes
from operators.media.tracks import MotionTrack, SampledFrame

NUM_PROBED_FRAMES: Final = 8
"""Frames, spread over the video, in which margins and an inner picture are looked for."""
MAX_PART_FRAMES: Final = 8
"""Frames whose parts are hashed, spread over those that differ: parts cost more time and memory than whole pictures."""
MAX_BETWEEN: Final = 16
"""Pictures halfway between two sampled ones that are hashed, where these differ: an excerpt of a moving picture is
sampled at other moments."""
MIN_PART_PX: Final = 32
"""Smallest side of a part: a smaller one shows too little."""
MAX_ASIDE_RATIO: Final = 0.25
"""How far from halfway a picture may lie, as a share of the time between two sampled ones."""


@dataclass(frozen=True, slots=True)
class PartHash:
    """Of a part of a picture, or of a picture between sampled ones."""

    pts_seconds: float
    part: str
    """A name of `operators.frames.picture_parts`."""
    found: PerceptualHash


@dataclass(frozen=True, slots=True)
class CopyHashes:
    """Of one video."""

    wholes: tuple[PerceptualHash, ...]
    """Of each frame, without flat margins."""
    parts: tuple[PartHash, ...]


def copy_hashes(frames: Sequence[SampledFrame], motion: MotionTrack | None) -> CopyHashes:
    """Hash the pictures of a video.

    Args:
        frames: sampled ones, at least one; one of another size is scaled to that of the first.
        motion: the pictures between them.
    """
    lumas = _lumas(frames)
    margins = without_margins(lumas[_spread(len(lumas), NUM_PROBED_FRAMES)])
    pictures = [margins.of(luma) for luma in lumas]
    wholes = tuple(map(perceptual_hash, pictures))
    boxes = _boxes(np.stack([pictures[number] for number in _spread(len(pictures), NUM_PROBED_FRAMES)]))
    parts = (
        PartHash(frames[number].pts_seconds, name, perceptual_hash(box.of(pictures[number])))
        for number in _differing(wholes)
        for name, box in boxes.items()
    )
    return CopyHashes(wholes, (*parts, *_between(frames, wholes, motion, margins.scaled(lumas.shape[1:]))))


def _lumas(frames: Sequence[SampledFrame]) -> np.ndarray:
    height, width = frames[0].pixels.shape[:2]
    return np.stack([cv2.resize(cv2.cvtColor(each.pixels, cv2.COLOR_RGB2GRAY), (width, height)) for each in frames])


def _boxes(pictures: np.ndarray) -> dict[str, PictureBox]:
    boxes = part_boxes(*pictures.shape[1:])
    inner = inner_picture(pictures)
    if inner is not None:
        boxes[INNER] = inner
    return {name: box for name, box in boxes.items() if min(box.height_px, box.width_px) >= MIN_PART_PX}


def _between(
    frames: Sequence[SampledFrame],
    wholes: Sequence[PerceptualHash],
    motion: MotionTrack | None,
    margins: tuple[float, float, float, float],
) -> Iterator[PartHash]:
    """Yield hashes halfway between sampled pictures that differ.

    Args:
        frames: sampled ones.
        wholes: their hashes.
        motion: what there is between them.
        margins: top, bottom, left and right of the picture, as shares of height and width.
    """
    if motion is None or not len(motion.luma):
        return
    values = [int(each.hexadecimal, 16) for each in wholes]
    gaps = [
        (first.pts_seconds, second.pts_seconds)
        for (first, second), (one, other) in zip(pairwise(frames), pairwise(values), strict=True)
        if (one ^ other).bit_count() >= DIFFERENT_BITS
    ]
    box = PictureBox.of_shares(margins, *motion.luma.shape[1:])
    for place in _spread(len(gaps), MAX_BETWEEN):
        start, end = gaps[place]
        nearest = int(np.abs(motion.pts_seconds - (start + end) / 2).argmin())
        seconds = float(motion.pts_seconds[nearest])
        if abs(seconds - (start + end) / 2) <= MAX_ASIDE_RATIO * (end - start):
            yield PartHash(seconds, BETWEEN, perceptual_hash(box.of(motion.luma[nearest])))


def _differing(hashes: Sequence[PerceptualHash]) -> list[int]:
    """Return numbers of frames that differ from each other, at most `MAX_PART_FRAMES`, spread over all of them."""
    values = [int(each.hexadecimal, 16) for each in hashes]
    kept: list[int] = []
    for number, value in enumerate(values):
        if all((value ^ values[other]).bit_count() >= DIFFERENT_BITS for other in kept):
            kept.append(number)
    return [kept[place] for place in _spread(len(kept), MAX_PART_FRAMES)]


def _spread(number: int, limit: int) -> list[int]:
    """Return at most `limit` of the places below `number`, evenly spread, the first and the last among them."""
    if number <= limit:
        return list(range(number))
    return [place * (number - 1) // (limit - 1) for place in range(limit)]
