"""Small models for the stand-in of a Neuron device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.card import Card
from models.tolerance import Tolerance
from tests.unit.operators.inference.fakes import number_card


def card(name: str = "tiny", batch_sizes: tuple[int, ...] = (1, 2, 4)) -> Card:
    """Takes four numbers and returns three."""
    return replace(
        number_card(name, batch_sizes),
        input_shape=(4,),
        input_dtype="float32",
        outputs=("scores",),
        precisions=("float32", "bfloat16"),
        devices=("cpu", "neuron"),
        tolerances=(Tolerance(max_difference=0.02),),
    )


class Logarithms(nn.Module):
    """Not a number for inputs below -1."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        return (self.layer(torch.log(numbers + 1)),)


def logarithms(_card: Card | None = None) -> nn.Module:
    torch.manual_seed(0)
    return Logarithms().eval()


class Shares(nn.Module):
    """Not a number for a row of zeros."""

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        return ((numbers / numbers.sum(dim=1, keepdim=True))[:, :3],)


def numbers(count: int = 5) -> list[np.ndarray]:
    return [*np.random.default_rng(1).uniform(0.5, 2.0, (count, 4)).astype(np.float32)]


def words_card(name: str = "words") -> Card:
    """Takes four or eight numbered words; zero is padding."""
    return replace(card(name), input_shape=(8,), input_dtype="int64", lengths=(4, 8))


class Words(nn.Module):
    """Attends to words that are there; a mask as in a text model, with the lowest number of float32."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.layer = nn.Linear(16, 3)

    def forward(self, words: Tensor) -> tuple[Tensor, ...]:
        tokens = self.table(words)[:, None]
        mask = (words == 0)[:, None, None, :].to(tokens.dtype) * torch.finfo(tokens.dtype).min
        attended = functional.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=mask)
        return (self.layer(attended[:, 0, 0]),)


def words(_card: Card | None = None) -> nn.Module:
    torch.manual_seed(0)
    return Words().eval()


def texts() -> list[np.ndarray]:
    return [np.array(each, np.int64) for each in ([3, 4, 5, 0], [7, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 0])]
