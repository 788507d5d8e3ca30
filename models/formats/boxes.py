"""The boxes of a detector in one form, whatever its own."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from models.formats.activation import activated
from models.model_output import BoxOutput, Coordinates

CANDIDATES_A_BOX: Final = 4
"""Rows that are kept for each box that may be stated: several often lie on one object."""


def box_rows(output: BoxOutput, boxes: Tensor, scores: Tensor | None) -> Tensor:
    """Return (N, Q, 6): left, top, right, bottom in shares of the input, score, class; the best first.

    Q is the same for all answers of a card: a detector that finds fewer boxes, or answers as many as it finds, gets
    rows of zeros in addition.

    Args:
        output: of the card.
        boxes: (N, B, 4), or (N, B, 6) without scores.
        scores: (N, B, K), with one more column where there is one for the background.

    Raises:
        ValueError: the shapes are others.
    """
    values, classes = _of_rows(output, boxes) if scores is None else _of_scores(output, boxes, scores)
    num_rows = CANDIDATES_A_BOX * output.max_boxes
    best, places = values.topk(min(boxes.shape[1], num_rows), dim=1)
    corners = _corners(boxes[..., :4].float(), output.coordinates) / output.side_px
    corners = corners.gather(1, places.unsqueeze(2).expand(-1, -1, 4))
    rows = torch.cat([corners, best.unsqueeze(2), classes.gather(1, places).unsqueeze(2).float()], dim=2)
    return functional.pad(rows, (0, 0, 0, num_rows - rows.shape[1]))


def _of_rows(output: BoxOutput, boxes: Tensor) -> tuple[Tensor, Tensor]:
    if boxes.dim() != 3 or boxes.shape[2] != 6:
        raise ValueError(f"its boxes have the shape {tuple(boxes.shape)}, not (N, B, 6), and the card names no scores")
    return boxes[..., 4].float(), boxes[..., 5].round().clamp(0, len(output.classes) - 1)


def _of_scores(output: BoxOutput, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    num_columns = len(output.classes) + (output.background != "none")
    if boxes.dim() != 3 or boxes.shape[2] != 4:
        raise ValueError(f"its boxes have the shape {tuple(boxes.shape)}, not (N, B, 4)")
    if scores.shape != (*boxes.shape[:2], num_columns):
        found, wanted = tuple(scores.shape), (*boxes.shape[:2], num_columns)
        raise ValueError(f"the scores of its boxes have the shape {found}, not {wanted}")
    scores = activated(scores.float(), output.activation)
    first = int(output.background == "first")
    values, classes = scores[..., first : first + len(output.classes)].max(dim=2)
    return values, classes


def _corners(boxes: Tensor, coordinates: Coordinates) -> Tensor:
    if coordinates == "xyxy":
        return boxes
    first, size = boxes[..., :2], boxes[..., 2:]
    corner = first - size / 2 if coordinates == "cxcywh" else first
    return torch.cat([corner, corner + size], dim=-1)
