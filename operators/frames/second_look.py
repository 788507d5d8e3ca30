"""Whether a label that one sampled frame shows is believed: what the frames around it say.

A classifier is wrong about some single pictures: one that it takes for something else stands among others of the same
thing that it does not. So where a sampled frame scores high, frames around it are looked at, too. They clear it if
enough of them show the same picture and none of them scores high. Frames that show something else say nothing of it:
an insert of a fifth of a second stands among frames of another picture. Scores are never averaged: where frames agree,
the label's score is the highest that two of them reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from operators.media.tracks import SampledFrame
from schemas.evidence import SecondLook

SUSPICIOUS_SCORE = 0.5
"""From here on a frame looks like the label. Below every default threshold at which a frame's label is acted upon."""
MAX_LOOKS = 4
"""Frames that are looked at again. Where more score high the label does not hang on one, and only the highest is."""
MIN_ALIKE = 3
"""Frames around that have to show the same picture before they clear it: half of those that are looked at."""
ALIKE_LEVELS = 12.0
"""Mean difference, of 255, up to which a place of two frames shows the same: in each place of a grid, so that nothing
of a sixteenth of the picture is exchanged unseen. Compression and a shaking hand change less."""

_GRID_PX = 8
"""Places along each side; compared in red, green and blue."""


@dataclass(frozen=True, slots=True)
class FrameVerification:
    """What the frames around one sampled frame say."""

    position: int
    """Of the frame among the sampled ones."""
    outcome: SecondLook
    score: float
    """What the frame counts for the label: where it is cleared, the highest of the others; where others agree, the
    highest that two of all reach, if that is more than its own; else its own."""


def frames_to_doubt(scores: np.ndarray) -> list[int]:
    """Positions of the sampled frames to look around, the highest score first.

    Args:
        scores: (N,) of one label, in [0, 1].
    """
    suspicious = [int(position) for position in np.argsort(-scores, kind="stable") if is_suspicious(scores[position])]
    return suspicious if len(suspicious) <= MAX_LOOKS else suspicious[:1]


def num_suspicious(scores: np.ndarray) -> int:
    """How many of the sampled frames look like the label."""
    return int((scores >= SUSPICIOUS_SCORE).sum())


def is_suspicious(score: float) -> bool:
    """Whether a frame of this score looks like its label."""
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
    """Compare a sampled frame that scores high with those around it.

    Args:
        position: of the frame among the sampled ones.
        sampled: the frame.
        own_score: its own.
        others: pixels of the frames around it.
        scores: of the same label, one for each of the others, whose pixels are (H, W, 3) uint8.
        may_clear: False where the label does not hang on this frame.
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
    """Whether two frames, (H, W, 3) uint8, show the same picture in every place."""
    difference = np.abs(_places(first) - _places(second))
    return bool(difference.max() <= ALIKE_LEVELS)


def settled_scores(scores: np.ndarray, looks: Sequence[FrameVerification]) -> np.ndarray:
    """(N,) scores, those of frames that were looked at again replaced by what that made of them."""
    settled = scores.copy()
    for look in looks:
        settled[look.position] = look.score
    return settled


def telling(looks: Sequence[FrameVerification]) -> SecondLook | None:
    """The look to show beside the label: the first that cleared nothing, else the first; None without any."""
    outcomes = [look.outcome for look in looks]
    return next((outcome for outcome in outcomes if not outcome.is_cleared), outcomes[0] if outcomes else None)


def _places(pixels: np.ndarray) -> np.ndarray:
    """(8, 8, 3) float32: the mean colour of each place."""
    return np.asarray(cv2.resize(pixels, (_GRID_PX, _GRID_PX), interpolation=cv2.INTER_AREA), np.float32)
