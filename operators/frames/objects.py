"""What a detector found in a sampled frame: boxes in shares of the frame, and the parts of the frame in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from models.model_input import CropInput, FrameInput
from models.model_output import BoxOutput
from operators.segments import unit_score
from schemas.evidence import FrameBox

MIN_CROP_PX = 4
"""Of a sampled frame: a smaller part shows nothing."""
_CANDIDATES_A_BOX = 4
"""Rows that are kept for each box that may be stated: several often lie on one object."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One box of one frame."""

    box: FrameBox
    class_name: str
    score: float


def detector_rows(values: Sequence[np.ndarray], output: BoxOutput) -> np.ndarray:
    """Return (Q, 6) of one answer of a detector: corners in shares of its square, score, class; the best first.

    Args:
        values: one array per output: boxes (Q, 6) of an added model, or (B, 4) with scores (B, K) of the product.
        output: of the card.
    """
    boxes = values[output.index]
    if output.scores_index is None or boxes.shape[1] != 4:
        return boxes
    scores = values[output.scores_index]
    best = scores.max(axis=1)
    places = np.argsort(-best, kind="stable")[: _CANDIDATES_A_BOX * output.max_boxes]
    return np.column_stack([boxes[places], best[places], scores[places].argmax(axis=1)])


def found_objects(
    rows: np.ndarray, output: BoxOutput, shape: Sequence[int], how: FrameInput
) -> tuple[FoundObject, ...]:
    """Return the boxes that are stated, the best first.

    Args:
        rows: (Q, 6) of the model: left, top, right and bottom in shares of its square, score, class.
        output: of the card.
        shape: (height, width, ...) of the frame.
        how: the square was made of the frame.
    """
    likely = rows[rows[:, 4] >= output.threshold]
    corners = in_frame(likely[:, :4], shape, how)
    is_there = (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
    likely, corners = likely[is_there], corners[is_there]
    kept = distinct(corners, likely[:, 4], likely[:, 5], output.max_overlap)[: output.max_boxes]
    return tuple(
        FoundObject(_box(corners[place]), output.classes[int(likely[place, 5])], unit_score(likely[place, 4]))
        for place in kept
    )


def class_scores(rows: np.ndarray, num_classes: int) -> np.ndarray:
    """Return (N, K): the highest score of each class among the (N, Q, 6) boxes of each frame; 0 without any."""
    scores = np.zeros((len(rows), num_classes), np.float32)
    for frame, boxes in enumerate(rows):
        np.maximum.at(scores[frame], boxes[:, 5].astype(int), boxes[:, 4])
    return scores


def in_frame(boxes: np.ndarray, shape: Sequence[int], how: FrameInput) -> np.ndarray:
    """Return (Q, 4) boxes of a frame's square as boxes of the frame, cut off at its edges."""
    height_px, width_px = shape[:2]
    (x, width), (y, height) = _seen(width_px, height_px, how), _seen(height_px, width_px, how)
    found = boxes * np.array([width, height, width, height]) + np.array([x, y, x, y])
    return np.asarray(np.clip(found, 0.0, 1.0))


def crop_of(pixels: np.ndarray, box: FrameBox, margin_ratio: float) -> np.ndarray | None:
    """Return the part of a frame in a box with a margin; None where it is too small to show anything."""
    height_px, width_px = pixels.shape[:2]
    left, right = _range(box.left, box.right, width_px, margin_ratio)
    top, bottom = _range(box.top, box.bottom, height_px, margin_ratio)
    part = pixels[top:bottom, left:right]
    return part if min(part.shape[:2]) >= MIN_CROP_PX else None


def cut_out(objects: Sequence[FoundObject], pixels: np.ndarray, how: CropInput) -> list[tuple[FoundObject, np.ndarray]]:
    """Return the objects that a card wants of a frame, and the parts that show them, the best first."""
    wanted: Collection[str] = how.classes
    chosen = [found for found in objects if not wanted or found.class_name in wanted]
    parts = [(found, crop_of(pixels, found.box, how.margin_ratio)) for found in chosen]
    return [(found, part) for found, part in parts if part is not None][: how.max_crops]


def _seen(side_px: int, other_px: int, how: FrameInput) -> tuple[float, float]:
    """Return where the square begins along one side of a frame, and its length, both in shares of that side."""
    if how.resize == "squash":
        length = how.side_px / how.resize_px
    elif how.resize == "pad":
        longer_px = max(side_px, other_px)
        length = how.side_px / max(1, round(side_px * how.side_px / longer_px))
    else:
        length = max(1, round(min(side_px, other_px) * how.side_px / how.resize_px)) / side_px
    return (1 - length) / 2, length


def _range(first: float, last: float, side_px: int, margin_ratio: float) -> tuple[int, int]:
    margin = (last - first) * margin_ratio
    return max(0, round((first - margin) * side_px)), min(side_px, round((last + margin) * side_px))


def _box(corners: np.ndarray) -> FrameBox:
    left, top, right, bottom = (round(float(corner), 4) for corner in corners)
    return FrameBox(left=left, top=top, right=right, bottom=bottom)


def distinct(corners: np.ndarray, scores: np.ndarray, classes: np.ndarray, max_overlap: float) -> list[int]:
    """Return which boxes remain, the best first, of those of one class that overlap (non-maximum suppression).

    Args:
        corners: (Q, 4) left, top, right, bottom.
        scores: (Q,).
        classes: (Q,), numbers.
        max_overlap: share of the union of two boxes.
    """
    kept: list[int] = []
    for place in map(int, np.argsort(-scores, kind="stable")):
        alike = [other for other in kept if classes[other] == classes[place]]
        if not alike or _overlaps(corners[place], corners[alike]).max() <= max_overlap:
            kept.append(place)
    return kept


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return (Q,): shared area of a box and each of (Q, 4), divided by that of both together."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = sides.clip(min=0.0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / (areas - shared))
