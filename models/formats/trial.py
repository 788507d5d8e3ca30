"""A model's outputs for one example, to check its card."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from models.card import Card


@dataclass(frozen=True, slots=True)
class TriedOutput:
    """One output of a model for one row of its input."""

    name: str
    shape: tuple[int, ...]
    least: float
    most: float


def try_module(card: Card, module: nn.Module) -> tuple[TriedOutput, ...]:
    """Run a module on medium grey, silence, or unknown words."""
    fill = 128 if card.input_dtype == "uint8" else 1 if card.input_dtype == "int64" else 0
    dtype = getattr(torch, card.input_dtype)
    with torch.inference_mode():
        answers = module(torch.full((1, *card.input_shape), fill, dtype=dtype))
    return tuple(
        TriedOutput(name, tuple(answer.shape[1:]), float(answer.min()), float(answer.max()))
        for name, answer in zip(card.outputs, answers, strict=True)
    )
