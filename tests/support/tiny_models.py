"""Tiny models of the formats that a card may name, made on the spot, with their cards. They judge by brightness."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

BLADE = "violence/weapons/blade-visible"
"""A label that no model of the product has."""
SIDE_PX = 32

CARD = """
name = "{name}"
version = "1.0.0"
purpose = "Whether a frame is bright, which a test calls a blade."
source = "Made by a test."
licence = "MIT"
checked_on = "Nothing."

[input]
kind = "frame"
side_px = {side_px}

[model]
format = "torchscript"
file = "{file}"
sha256 = "{sha256}"

[[outputs]]
name = "scores"
kind = "scores"
activation = "softmax"
classes = ["dark", "bright"]

[[outputs.labels]]
class = "bright"
label = "{label}"
"""


class Brightness(nn.Module):
    """Two logits of (N, 3, H, W): dark and bright, equal where the mean is one half."""

    def forward(self, batch: Tensor) -> Tensor:
        bright = 40.0 * (batch.float().mean((1, 2, 3)) - 0.5)
        return torch.stack([-bright, bright], dim=1)


class WithEmbedding(nn.Module):
    """Brightness by colour as well, by name."""

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        bright = 40.0 * (batch.mean((1, 2, 3)) - 0.5)
        return {"embedding": batch.mean((2, 3)), "scores": torch.stack([-bright, bright], dim=1)}


class Alike(nn.Module):
    """Answers whatever it is asked with what it was made of."""

    def __init__(self, *answers: Tensor) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return tuple(answer[: batch.shape[0]] for answer in self.answers)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_torchscript(module: nn.Module, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(module, Alike):
        scripted = torch.jit.trace(module.eval(), torch.zeros(2, 3, SIDE_PX, SIDE_PX), check_trace=False)
    else:
        scripted = torch.jit.script(module.eval())
    torch.jit.save(scripted, path)
    return path


def write_card(folder: Path, text: str = CARD, **words: Any) -> Path:
    """A card beside `model.pt`, with words in place of those that it has."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.pt"
    known = {"name": folder.name, "label": BLADE, "file": "model.pt", "side_px": SIDE_PX}
    sha256 = sha256_of(model) if model.is_file() else "0" * 64
    path = folder / "card.toml"
    path.write_text(text.format(**{**known, "sha256": sha256, **words}), encoding="utf-8")
    return path


def torchscript_card(folder: Path, module: nn.Module | None = None, text: str = CARD, **words: Any) -> Path:
    """A model and its card in a folder of their own."""
    save_torchscript(module or Brightness(), folder / "model.pt")
    return write_card(folder, text, **words)
