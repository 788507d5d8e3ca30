"""An added model with the interface of the product's own: its input made from the card's, its outputs in the card's
order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.card import Card
from models.formats.activation import activated
from models.formats.boxes import box_rows
from models.model_input import PixelLayout, PixelValues

_AXES: Final[dict[PixelLayout, tuple[int, ...]]] = {
    "nchw": (0, 3, 1, 2),
    "nhwc": (0, 1, 2, 3),
    "ntchw": (0, 1, 4, 2, 3),
    "ncthw": (0, 4, 1, 2, 3),
    "nthwc": (0, 1, 2, 3, 4),
}
"""Order of the axes of a batch, which come as rows, frames, height, width, colours."""


class WrongOutputs(ValueError):
    """A model's outputs are not those that its card names."""


class PixelInput(nn.Module):
    """Converts (N, H, W, 3) uint8 RGB, or clips (N, T, H, W, 3), to a model's input."""

    def __init__(self, pixels: PixelValues) -> None:
        super().__init__()
        self._mean: Tensor
        self._std: Tensor
        self._is_raw = pixels.dtype == "uint8"
        self._axes = _AXES[pixels.layout]
        self._is_turned = pixels.colours == "bgr"
        self._scale = pixels.scale
        self.register_buffer("_mean", torch.tensor(pixels.mean, dtype=torch.float32))
        self.register_buffer("_std", torch.tensor(pixels.std, dtype=torch.float32))

    def forward(self, batch: Tensor) -> Tensor:
        """Return them in the layout of the card, uint8 unchanged or float32 scaled."""
        if self._is_turned:
            batch = batch.flip(-1)
        if not self._is_raw:
            batch = (batch.float() * self._scale - self._mean) / self._std
        return batch.permute(self._axes).contiguous()


class NormalisedSound(nn.Module):
    """Each window of (N, T) sound with a mean of 0 and a variance of 1."""

    def forward(self, batch: Tensor) -> Tensor:
        """(N, T) float32."""
        mean, variance = batch.mean(1, keepdim=True), batch.var(1, keepdim=True, correction=0)
        return (batch - mean) / (variance + 1e-7).sqrt()


class AddedModel(nn.Module):
    """An added model with its preparation; returns one float tensor per output of the card.

    Args:
        card: of the model.
        prepare: makes its input.
        inner: the model.
        num_tokens: that the vocabulary of its text names.
    """

    def __init__(self, card: Card, prepare: nn.Module, inner: nn.Module, num_tokens: int = 0) -> None:
        super().__init__()
        self._names = card.outputs
        self._scores = card.scores
        self._boxes = card.boxes
        self._text = card.text
        self._num_tokens = num_tokens
        self.prepare = prepare
        self.inner = inner
        self._dtype = torch.float32

    def cast(self, dtype: torch.dtype) -> AddedModel:
        """Compute in another precision from now on; the input is made, and scores are activated, in float32."""
        self.inner.to(dtype=dtype)
        self._dtype = dtype
        return self

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Raises WrongOutputs if their number differs from the card."""
        prepared = self.prepare(batch)
        # Tokens are numbers of words, and raw pixels are the model's own to scale.
        given = prepared.to(self._dtype) if prepared.is_floating_point() else prepared
        found = in_order_of(self._names, self.inner(given))
        return tuple(self._stated(found, index) for index in range(len(found)))

    def _stated(self, found: Sequence[Tensor], index: int) -> Tensor:
        boxes, text = self._boxes, self._text
        if boxes is not None and index == boxes.index:
            return box_rows(boxes, found[index], None if boxes.scores_index is None else found[boxes.scores_index])
        if text is not None and index == text.index:
            return text_steps(found[index], self._num_tokens)
        output, scores = found[index].float(), self._scores
        if scores is None or index != scores.index:
            return output
        return activated(output.reshape(len(output), -1), scores.activation)


def in_order_of(names: Sequence[str], answer: Any) -> tuple[Tensor, ...]:
    """Return the output's tensors in the order of some names; from a tensor, a sequence in that order, or a mapping.

    Raises:
        WrongOutputs: names or number differ.
    """
    if isinstance(answer, Tensor):
        answer = (answer,)
    if isinstance(answer, Mapping):
        missing = [name for name in names if name not in answer]
        if missing:
            raise WrongOutputs(f"it answers {sorted(answer)} and not {missing}")
        answer = [answer[name] for name in names]
    if len(answer) != len(names):
        raise WrongOutputs(f"it answers {len(answer)} outputs")
    return tuple(answer)


def text_steps(scores: Tensor, num_tokens: int) -> Tensor:
    """Return (N, T, 2), best token and its probability, of (N, T, V) logits. Raises ValueError for other shapes."""
    if scores.dim() != 3:
        raise ValueError(f"its scores of tokens have the shape {tuple(scores.shape)}, not (N, T, V)")
    if scores.shape[2] < num_tokens:
        raise ValueError(f"it scores {scores.shape[2]} tokens, and its vocabulary names {num_tokens}")
    best, tokens = scores.float().softmax(dim=2).max(dim=2)
    return torch.stack([tokens.float(), best], dim=2)
