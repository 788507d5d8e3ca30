"""Tiny models of the formats that a card may name, made on the spot, with their cards. They judge by brightness."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
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
    """A card next to `model.pt`, with words in place of those that it has."""
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


def save_exported(module: nn.Module, path: Path) -> Path:
    """An archive of `torch.export` that takes any number of pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    some = {0: torch.export.Dim("rows", min=1, max=64)}
    example = (torch.zeros(2, 3, SIDE_PX, SIDE_PX),)
    torch.export.save(torch.export.export(module.eval(), example, dynamic_shapes=(some,)), path)
    return path


def save_onnx(path: Path, output: str = "scores", rows: int | str = "rows") -> Path:
    """The graph of `Brightness`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {"half": [0.5], "slope": [40.0]}
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["pictures"], ["mean"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Sub", ["flat", "half"], ["centred"]),
            helper.make_node("Mul", ["centred", "slope"], ["bright"]),
            helper.make_node("Neg", ["bright"], ["dark"]),
            helper.make_node("Concat", ["dark", "bright"], [output], axis=1),
        ],
        "brightness",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [rows, 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [rows, 2])],
        [helper.make_tensor(name, TensorProto.FLOAT, [1], found) for name, found in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def files_of(folder: Path) -> str:
    """The table of every file below a folder, with its hash."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml")
    return "\n".join(f'"{path.relative_to(folder)}" = "{sha256_of(path)}"' for path in paths)


def word_tokenizer(path: Path, words: Sequence[str], ends: tuple[str, str] = ("[CLS]", "[SEP]")) -> Tokenizer:
    """One token a word: the padding 0, the unknown 1, the ends of a text, then the words."""
    vocabulary = ["[PAD]", "[UNK]", *ends, *words]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.normalizer = Lowercase()
    first, last = ends
    tokenizer.post_processor = TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, vocabulary.index(first)), (last, vocabulary.index(last))]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer
