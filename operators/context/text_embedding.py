"""Embedding of a video's text, to find videos with similar text."""

from __future__ import annotations

import numpy as np

from operators.mean_embedding import mean_direction


def text_embedding(embedding: np.ndarray) -> np.ndarray | None:
    """Return the model's (D,) float32 vector scaled to length one; None if it found nothing to embed."""
    direction = mean_direction(embedding.reshape(1, -1))
    return direction if direction.any() else None
