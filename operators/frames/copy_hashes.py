"""Hashes by which copies of a video are found: of each sampled picture, of parts of some of them, and between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from operators.frames.anchored_columns import anchored_columns
from operators.frames.fine_box import FineBox, fine_box
from operators.frames.flat_margins import without_margins
from operators.frames.hash_limits import DIFFERENT_BITS
from operators.frames.inner_picture import inner_pictures
from operators.frames.part_names import BETWEEN, COLUMN, INNER, INNER_TOO
from operators.frames.perceptual_hash import PerceptualHash
from operators.frames.picture_parts import part_boxes
from operators.frames.structured_picture import StructuredPicture
from operators.media.tracks import MotionTrack

NUM_PROBED_FRAMES: Final = 8
"""Frames, spread over the video, in which margins and an inner picture are looked for."""
MAX_PART_FRAMES: Final = 8
"""Frames whose parts are hashed, spread over those that differ: parts cost more time and memory than whole pictures."""
MAX_INNER: Final = 8
"""Pictures of each place where an inner picture may be."""
MAX_COLUMN_FRAMES: Final = 6
"""Frames whose columns are hashed."""
MAX_BETWEEN: Final = 16
"""Pictures halfway between two sampled ones that are hashed, where these differ: an excerpt of a moving picture is
sampled at other moments."""
MARGIN_REACH_LINES: Final = 1
"""Around a margin's end in which the step to the picture is looked for."""
MIN_PART_PX: Final = 32
"""Smallest side of a part: a smaller one shows too little."""
MAX_ASIDE_RATIO: Final = 0.25
"""How far from halfway a picture may lie, as a share of the time between two sampled ones."""


@dataclass(frozen=True, slots=True)
class PartHash:
    """Of a part of a picture, or of a picture between sampled ones."""

    pts_seconds: float
    part: str
    """A name of `operators.frames.part_names`."""
    found: PerceptualHash


@dataclass(frozen=True, slots=True)
class CopyHashes:
    """Of one video."""

    wholes: tuple[PerceptualHash, ...]
    """Of each frame, without flat margins."""
    parts: tuple[PartHash, ...]


def copy_hashes(pts_seconds: Sequence[float], lumas: Sequence[np.ndarray], motion: MotionTrack | None) -> CopyHashes:
    """Hash the pictures of a video.

    Args:
        pts_seconds: display time of each sampled frame, at least one.
        lumas: (H, W) uint8 each; one of another size is scaled to that of the first.
        motion: the pictures between them.
    """
    frames = _same_size(lumas)
    margins = _fine_margins(_probed(frames))
    cut = [margins.of(frame) for frame in frames]
    pictures = [StructuredPicture(picture) for picture in cut]
    wholes = tuple(picture.hash() for picture in pictures)
    boxes = _fixed_boxes(*cut[0].shape)
    parts = [
        *(
            PartHash(pts_seconds[number], name, pictures[number].hash(box))
            for number in _differing(wholes, MAX_PART_FRAMES)
            for name, box in boxes.items()
        ),
        *_inner(pts_seconds, cut),
        *(
            PartHash(pts_seconds[number], COLUMN, pictures[number].hash(box))
            for number in _spread(len(cut), MAX_COLUMN_FRAMES)
            for box in _columns(cut[number])
        ),
        *_between(pts_seconds, wholes, motion, margins.scaled(frames.shape[1:])),
    ]
    return CopyHashes(wholes, tuple(parts))


def _same_size(lumas: Sequence[np.ndarray]) -> np.ndarray:
    height, width = lumas[0].shape
    return np.stack([luma if luma.shape == (height, width) else cv2.resize(luma, (width, height)) for luma in lumas])


def _probed(pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    return np.stack([pictures[number] for number in _spread(len(pictures), NUM_PROBED_FRAMES)])


def _fine_margins(probed: np.ndarray) -> FineBox:
    return fine_box(probed, without_margins(probed), MARGIN_REACH_LINES)


def _fixed_boxes(height_px: int, width_px: int) -> dict[str, FineBox]:
    boxes = part_boxes(height_px, width_px)
    return {name: box for name, box in boxes.items() if min(box.height_px, box.width_px) >= MIN_PART_PX}


def _columns(picture: np.ndarray) -> list[FineBox]:
    return anchored_columns(picture) if min(picture.shape) >= MIN_PART_PX else []


def _inner(pts_seconds: Sequence[float], pictures: Sequence[np.ndarray]) -> Iterator[PartHash]:
    """Yield hashes of the picture within the picture, without its own flat margins, of frames in which it differs."""
    for name, box in zip((INNER, INNER_TOO), inner_pictures(_probed(pictures)), strict=False):
        cuts = [box.of(picture) for picture in pictures]
        margins = _fine_margins(_probed(cuts))
        if min(margins.height_px, margins.width_px) >= MIN_PART_PX:
            found = [StructuredPicture(margins.of(cut)) for cut in cuts]
            differing = _differing([picture.bits for picture in found], MAX_INNER)
            yield from (PartHash(pts_seconds[number], name, found[number].hash()) for number in differing)


def _between(
    pts_seconds: Sequence[float],
    wholes: Sequence[PerceptualHash],
    motion: MotionTrack | None,
    margins: tuple[float, float, float, float],
) -> Iterator[PartHash]:
    """Yield hashes halfway between sampled pictures that differ.

    Args:
        pts_seconds: of the sampled ones.
        wholes: their hashes.
        motion: what there is between them.
        margins: top, bottom, left and right of the picture, as shares of height and width.
    """
    if motion is None or not len(motion.luma):
        return
    values = [int(each.hexadecimal, 16) for each in wholes]
    gaps = [
        (first, second)
        for (first, second), (one, other) in zip(pairwise(pts_seconds), pairwise(values), strict=True)
        if (one ^ other).bit_count() >= DIFFERENT_BITS
    ]
    box = FineBox.of_shares(margins, *motion.luma.shape[1:])
    for place in _spread(len(gaps), MAX_BETWEEN):
        start, end = gaps[place]
        nearest = int(np.abs(motion.pts_seconds - (start + end) / 2).argmin())
        seconds = float(motion.pts_seconds[nearest])
        if abs(seconds - (start + end) / 2) <= MAX_ASIDE_RATIO * (end - start):
            yield PartHash(seconds, BETWEEN, StructuredPicture(box.of(motion.luma[nearest])).hash())


def _differing(hashes: Sequence[PerceptualHash], limit: int) -> list[int]:
    """Return numbers of frames that differ from each other, at most so many, spread over all of them."""
    values = [int(each.hexadecimal, 16) for each in hashes]
    kept: list[int] = []
    for number, value in enumerate(values):
        if all((value ^ values[other]).bit_count() >= DIFFERENT_BITS for other in kept):
            kept.append(number)
    return [kept[place] for place in _spread(len(kept), limit)]


def _spread(number: int, limit: int) -> list[int]:
    """Return at most `limit` of the places below `number`, evenly spread, the first and the last among them."""
    if number <= limit:
        return list(range(number))
    return [place * (number - 1) // (limit - 1) for place in range(limit)]
