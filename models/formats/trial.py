"""What a model answers to one example, for somebody who looks whether the card is right."""

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
    """Ask a module about an input of medium grey, of silence, or of unknown words."""
    fill = 128 if card.input_dtype == "uint8" else 1 if card.input_dtype == "int64" else 0
    dtype = getattr(torch, card.input_dtype)
    with torch.inference_mode():
        answers = module(torch.full((1, *card.input_shape), fill, dtype=dtype))
    return tuple(
        TriedOutput(name, tuple(answer.shape[1:]), float(answer.min()), float(answer.max()))
        for name, answer in zip(card.outputs, answers, strict=True)
    )
