"""A video's place among others that look like it."""

from __future__ import annotations

import numpy as np

from operators.mean_embedding import mean_direction


def image_embedding(frame_embeddings: np.ndarray) -> np.ndarray:
    """The mean of the frames' embeddings (N, D) float32, scaled to length one; (D,) float32.

    Average pooling over frames is the plain baseline of video retrieval: order and rare moments are lost, which suits
    "more like this" and not "the same scene".
    """
    return mean_direction(frame_embeddings)
