"""An added model with the interface of the product's own: its input made from the card's, its outputs in the card's
order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.card import Card, PixelValues, ScoreOutput


class PixelInput(nn.Module):
    """Converts (N, H, W, 3) uint8 RGB to a model's input."""

    def __init__(self, pixels: PixelValues) -> None:
        super().__init__()
        self._mean: Tensor
        self._std: Tensor
        self._is_raw = pixels.dtype == "uint8"
        self._is_first = pixels.layout == "nchw"
        self._scale = pixels.scale
        self.register_buffer("_mean", torch.tensor(pixels.mean, dtype=torch.float32))
        self.register_buffer("_std", torch.tensor(pixels.std, dtype=torch.float32))

    def forward(self, batch: Tensor) -> Tensor:
        """Return (N, 3, H, W) or (N, H, W, 3), uint8 unchanged or float32 scaled."""
        if not self._is_raw:
            batch = (batch.float() * self._scale - self._mean) / self._std
        return batch.permute(0, 3, 1, 2).contiguous() if self._is_first else batch


class NormalisedSound(nn.Module):
    """Each window of (N, T) sound with a mean of 0 and a variance of 1."""

    def forward(self, batch: Tensor) -> Tensor:
        """(N, T) float32."""
        mean, variance = batch.mean(1, keepdim=True), batch.var(1, keepdim=True, correction=0)
        return (batch - mean) / (variance + 1e-7).sqrt()


class AddedModel(nn.Module):
    """An added model with its preparation; returns one float tensor per output of the card."""

    def __init__(self, card: Card, prepare: nn.Module, inner: nn.Module) -> None:
        super().__init__()
        self._names = card.outputs
        self._scores = card.scores
        self.prepare = prepare
        self.inner = inner
        self._dtype = torch.float32

    def cast(self, dtype: torch.dtype) -> AddedModel:
        """Compute in another precision from now on; the input is made, and scores are activated, in float32."""
        self.inner.to(dtype=dtype)
        self._dtype = dtype
        return self

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Raises ValueError if the number of outputs differs from the card."""
        prepared = self.prepare(batch)
        # Tokens are numbers of words, and raw pixels are the model's own to scale.
        given = prepared.to(self._dtype) if prepared.is_floating_point() else prepared
        found = in_order_of(self._names, self.inner(given))
        return tuple(
            _activated(output, self._scores if index == _place(self._scores) else None)
            for index, output in enumerate(found)
        )


def in_order_of(names: Sequence[str], answer: Any) -> tuple[Tensor, ...]:
    """Return the output's tensors in the order of some names; from a tensor, a sequence in that order, or a mapping.

    Raises:
        ValueError: names or number differ.
    """
    if isinstance(answer, Tensor):
        answer = (answer,)
    if isinstance(answer, Mapping):
        missing = [name for name in names if name not in answer]
        if missing:
            raise ValueError(f"it answers {sorted(answer)} and not {missing}")
        answer = [answer[name] for name in names]
    if len(answer) != len(names):
        raise ValueError(f"it answers {len(answer)} outputs")
    return tuple(answer)


def _place(scores: ScoreOutput | None) -> int | None:
    return None if scores is None else scores.index


def _activated(output: Tensor, scores: ScoreOutput | None) -> Tensor:
    output = output.float()
    if scores is None:
        return output
    output = output.reshape(len(output), -1)
    if scores.activation == "softmax":
        return output.softmax(dim=1)
    return output.sigmoid() if scores.activation == "sigmoid" else output
