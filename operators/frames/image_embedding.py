"""Embedding of a video's pictures, to find videos that look similar."""

from __future__ import annotations

import numpy as np

from operators.mean_embedding import mean_direction


def image_embedding(frame_embeddings: np.ndarray) -> np.ndarray:
    """Return the mean of the frames' embeddings (N, D) float32, scaled to length one; (D,) float32.

    Average pooling over frames is the simple baseline of video retrieval: order and rare scenes are lost, which suits
    "more like this" and not "the same scene".
    """
    return mean_direction(frame_embeddings)
