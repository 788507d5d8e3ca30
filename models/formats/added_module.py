"""Loads the module of an added card, and runs it once: a model that contradicts its card prevents the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from models.added_files import verified_file
from models.card import Card, Format, ModelSource
from models.card_errors import CardInvalid, refuse
from models.formats.answers import AddedModel, PixelInput
from models.formats.torchscript import load_torchscript

TRIED_ROWS: Final = 2
"""Sufficient to distinguish a row's output from a batch's."""


def load_added_module(card: Card) -> nn.Module:
    """Build the module of an added card: evaluation mode, float32, on the CPU.

    Raises:
        CardInvalid: a file is missing, altered or no model, or its outputs differ from the card.
    """
    source = card.model
    assert source is not None
    module = AddedModel(card, _preparation(source), _inner(source)).eval()
    _try(card, module, source.card_path)
    return module


def _inner(source: ModelSource) -> nn.Module:
    file = source.files[0]
    path = verified_file(source, file)
    try:
        return _ARCHIVES[source.format](path)
    except Exception as error:
        # A library may raise any error about foreign bytes; here it always concerns this one file.
        allowed = f"a {source.format} archive that torch {torch.__version__} reads ({_first_line(error)})"
        raise refuse(source.card_path, "model.file", file.path, allowed) from error


_ARCHIVES: Final[dict[Format, Callable[[Path], nn.Module]]] = {"torchscript": load_torchscript}


def _preparation(source: ModelSource) -> nn.Module:
    return PixelInput(source.pixels) if source.pixels is not None else nn.Identity()


def _try(card: Card, module: nn.Module, path: Path) -> None:
    try:
        with torch.inference_mode():
            answers = module(_example(card))
    except Exception as error:
        # As above: a foreign program may raise any error about a valid input.
        field, found = f"input of shape {(TRIED_ROWS, *card.input_shape)}", f"refused: {_first_line(error)}"
        raise CardInvalid(
            f"card {str(path)!r}: {field} is {found}; allowed: what the model takes and answers"
        ) from error
    _check_answers(card, answers, path)


def _example(card: Card) -> Tensor:
    shape = (TRIED_ROWS, *card.input_shape)
    noise = torch.Generator().manual_seed(0)
    if card.input_dtype == "uint8":
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=noise)
    if card.input_dtype == "int64":
        return torch.ones(shape, dtype=torch.int64)
    return 0.1 * torch.randn(shape, generator=noise)


def _check_answers(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    for index, (name, answer) in enumerate(zip(card.outputs, answers, strict=True)):
        if answer.shape[:1] != (TRIED_ROWS,):
            raise refuse(path, f"outputs[{index}]", f"{name} of shape {tuple(answer.shape)}", "one row an input")
        if not bool(answer.isfinite().all()):
            raise refuse(path, f"outputs[{index}]", f"{name} with a number that is not finite", "finite numbers")
    _check_scores(card, answers, path)
    _check_embedding(card, answers, path)


def _check_scores(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    if card.scores is None:
        return
    scores, place = answers[card.scores.index], f"outputs[{card.scores.index}]"
    if scores.shape[1:] != (len(card.scores.classes),):
        raise refuse(path, f"{place}.classes", f"{len(card.scores.classes)} words", f"{scores[0].numel()}, one a score")
    least, most = float(scores.min()), float(scores.max())
    if not (least >= 0 and most <= 1 + 1e-4):
        allowed = "softmax or sigmoid, as the model answers outside of [0, 1]"
        raise refuse(path, f"{place}.activation", f"{card.scores.activation} ({least:g} to {most:g})", allowed)


def _check_embedding(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    if card.embedding is None:
        return
    shape = tuple(answers[card.embedding.index].shape[1:])
    if shape != (card.embedding.dimensions,):
        allowed = f"a space that ends in the dimensions of the output, {list(shape)}"
        raise refuse(path, f"outputs[{card.embedding.index}].space", card.embedding_space, allowed)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
