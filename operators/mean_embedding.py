"""Combines the embeddings of a video's parts."""

from __future__ import annotations

import numpy as np


def mean_direction(embeddings: np.ndarray) -> np.ndarray:
    """Return the mean of N vectors scaled to length one, so that cosine and inner product agree.

    Args:
        embeddings: (N, D) float32, N at least 1.

    Returns:
        (D,) float32 of length 1; zeros if the mean is zero.
    """
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0.0 else mean, dtype=np.float32)
