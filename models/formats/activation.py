"""From what a model answers to scores in [0, 1]."""

from __future__ import annotations

from torch import Tensor

from models.model_output import Activation


def activated(answer: Tensor, activation: Activation) -> Tensor:
    """Return the scores of an answer whose last axis has the classes."""
    if activation == "softmax":
        return answer.softmax(dim=-1)
    return answer.sigmoid() if activation == "sigmoid" else answer
