"""Embedding of a video's sound, to find videos that sound similar."""

from __future__ import annotations

import numpy as np

from operators.mean_embedding import mean_direction


def audio_embedding(window_embeddings: np.ndarray) -> np.ndarray:
    """Return the mean of the windows' embeddings (N, D) float32, scaled to length one; (D,) float32."""
    return mean_direction(window_embeddings)
