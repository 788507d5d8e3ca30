"""A video's place among others whose uploaders wrote alike."""

from __future__ import annotations

import numpy as np

from operators.mean_embedding import mean_direction


def text_embedding(embedding: np.ndarray) -> np.ndarray | None:
    """The model's (D,) float32 vector at length one; None where it found nothing to embed."""
    direction = mean_direction(embedding.reshape(1, -1))
    return direction if direction.any() else None
