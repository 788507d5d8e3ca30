"""A second look at a sampled frame with a high score: scores the frames around it and decides whether they clear it.

A classifier is wrong about some single pictures, which are among others of the same content that it classifies
correctly. So if a sampled frame scores high, frames around it are scored as well. They clear it if enough of them show
the same picture and none of them scores high. Frames that show something else have no effect: an insert of a fifth of a
second is among frames of another picture. Scores are never averaged: if frames agree, the label's score is the highest
that two of them reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from operators.media.tracks import SampledFrame
from schemas.evidence import SecondLook

SUSPICIOUS_SCORE = 0.5
"""From this score on, a frame counts as showing the label. It is below every default threshold of the labels of
frames."""
MAX_LOOKS = 4
"""Maximum number of second looks. If more frames score high, the label does not depend on one of them, and only the
highest gets a second look."""
MIN_ALIKE = 3
"""Minimum number of neighbouring frames with the same picture that can clear a frame: half of those that are scored."""
ALIKE_LEVELS = 12.0
"""Mean difference, of 255, up to which a cell of two frames is the same. It applies to each cell of a grid, so that no
sixteenth of the picture can be replaced unnoticed. Compression and a shaking hand change less."""

_GRID_PX = 8
"""Cells along each side; compared in red, green and blue."""


@dataclass(frozen=True, slots=True)
class FrameVerification:
    """Result of a second look at one sampled frame."""

    position: int
    """Index among the sampled frames."""
    outcome: SecondLook
    score: float
    """Score of the frame for the label. If it is cleared: the highest score of the other frames. If others agree: the
    second highest score of all, if that is more than its own. Otherwise its own."""


def frames_to_doubt(scores: np.ndarray) -> list[int]:
    """Return the indices of sampled frames that get a second look, the highest score first.

    Args:
        scores: (N,) of one label, in [0, 1].
    """
    suspicious = [int(position) for position in np.argsort(-scores, kind="stable") if is_suspicious(scores[position])]
    return suspicious if len(suspicious) <= MAX_LOOKS else suspicious[:1]


def num_suspicious(scores: np.ndarray) -> int:
    """Return how many of the sampled frames show the label."""
    return int((scores >= SUSPICIOUS_SCORE).sum())


def is_suspicious(score: float) -> bool:
    """Return whether a frame with this score shows its label."""
    return bool(score >= SUSPICIOUS_SCORE)


def look_of(
    position: int,
    sampled: SampledFrame,
    own_score: float,
    others: Sequence[np.ndarray],
    scores: Sequence[float],
    *,
    may_clear: bool = True,
) -> FrameVerification:
    """Compare a high-scoring sampled frame with the frames around it.

    Args:
        position: index among the sampled frames.
        sampled: the frame.
        own_score: its own score.
        others: pixels of the frames around it, (H, W, 3) uint8 each.
        scores: of the same label, one for each of the others.
        may_clear: False if the label does not depend on this frame.
    """
    num_agree = sum(map(is_suspicious, scores))
    num_alike = sum(is_alike(sampled.pixels, other) for other in others)
    outcome = SecondLook(
        at_seconds=sampled.pts_seconds,
        num_frames=1 + len(others),
        num_agree=1 + num_agree,
        is_cleared=may_clear and num_agree == 0 and num_alike >= MIN_ALIKE,
    )
    return FrameVerification(position, outcome, _settled(own_score, scores, is_cleared=outcome.is_cleared))


def _settled(own_score: float, scores: Sequence[float], *, is_cleared: bool) -> float:
    if is_cleared:
        return max(scores)
    return max([own_score, *sorted((own_score, *scores))[-2:-1]])


def is_alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two frames, (H, W, 3) uint8, show the same picture in every cell."""
    difference = np.abs(_places(first) - _places(second))
    return bool(difference.max() <= ALIKE_LEVELS)


def settled_scores(scores: np.ndarray, looks: Sequence[FrameVerification]) -> np.ndarray:
    """Return (N,) scores, in which second looks replace the scores of their frames."""
    settled = scores.copy()
    for look in looks:
        settled[look.position] = look.score
    return settled


def telling(looks: Sequence[FrameVerification]) -> SecondLook | None:
    """Return the second look that the evidence reports: the first that did not clear its frame, or else the first; None
    without any."""
    outcomes = [look.outcome for look in looks]
    return next((outcome for outcome in outcomes if not outcome.is_cleared), outcomes[0] if outcomes else None)


def _places(pixels: np.ndarray) -> np.ndarray:
    """Return (8, 8, 3) float32: the mean colour of each cell."""
    return np.asarray(cv2.resize(pixels, (_GRID_PX, _GRID_PX), interpolation=cv2.INTER_AREA), np.float32)
