"""What the frames agent keeps of one sampled frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.card import Card
from operators.frames.quality import FrameQuality
from operators.media.tracks import SampledFrame
from streams.analysis.agents.frame_answers import NOT_ASKED, FrameAnswer


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """One frame with what was measured of it."""

    frame: SampledFrame
    quality: FrameQuality
    thumbnail: np.ndarray
    """(32, 32) uint8."""
    luma: np.ndarray
    """(H, W) uint8."""
    answers: Mapping[str, FrameAnswer]
    """By model; a model that is shown a few frames of a video has none of the others."""

    def answer_of(self, card: Card) -> FrameAnswer:
        """Return what a model says of it; an empty answer if it was not asked."""
        return self.answers.get(card.name, NOT_ASKED)
