"""Loads the module of an added card, and runs it once: a model that contradicts its card prevents the start."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import torch
from torch import Tensor, nn

from models.added_cards import verify_files
from models.added_files import verified_content, verified_file
from models.card import Card, Format, ModelSource
from models.card_errors import CardInvalid, refuse
from models.ctc_text import read_vocabulary
from models.formats.answers import AddedModel, NormalisedSound, PixelInput, WrongOutputs
from models.formats.exported import load_exported
from models.formats.file_kind import allowed_kind, wrong_kind
from models.formats.onnx_graph import load_onnx
from models.formats.torchscript import load_torchscript
from models.formats.transformers_models import load_transformers
from models.model_files import CardFile
from models.model_output import BoxOutput, ScoreOutput


def load_added_module(card: Card) -> nn.Module:
    """Build the module of an added card: evaluation mode, float32, on the CPU.

    Raises:
        CardInvalid: a file is missing, altered or no model, or its outputs differ from the card.
    """
    source = card.model
    assert source is not None
    verify_files(card)
    num_tokens = read_vocabulary(source, card.text).num_columns if card.text is not None else 0
    module = AddedModel(card, _preparation(source), _inner(card, source), num_tokens).eval()
    for num_rows in dict.fromkeys((card.batch_sizes[0], card.batch_sizes[-1])):
        _try(card, module, num_rows, source.card_path)
    return module


def _inner(card: Card, source: ModelSource) -> nn.Module:
    try:
        return _LOADERS[source.format](card, source)
    except CardInvalid:
        raise
    except ImportError as error:
        needed = f"the package that reads it: pip install 'vidsignal[{source.format}]' ({error})"
        raise refuse(source.card_path, "model.format", source.format, needed) from error
    except Exception as error:
        # What a library raises about foreign bytes is of any kind; here it always speaks of the one model.
        found = source.folder if source.format == "transformers" else source.files[0].path
        allowed = f"a model of the format {source.format} that can be loaded here ({_last_line(error)})"
        raise refuse(source.card_path, "model", found, allowed) from error


def _archive(source: ModelSource) -> bytes:
    content = verified_content(source, source.files[0])
    _require_kind(source, source.files[0], io.BytesIO(content))
    return content


def _architecture(card: Card, source: ModelSource) -> nn.Module:
    for file in source.files:
        if file.path.endswith(".safetensors"):
            with verified_file(source, file).open("rb") as opened:
                _require_kind(source, file, opened)
    return load_transformers(card, source)


def _require_kind(source: ModelSource, file: CardFile, opened: BinaryIO) -> None:
    """Refuse a file that is of another kind than the card says, before a library reads it."""
    if found := wrong_kind(opened, source.format):
        raise refuse(source.card_path, "model.files", f"{file.path}: {found}", allowed_kind(source.format))


_LOADERS: Final[dict[Format, Callable[[Card, ModelSource], nn.Module]]] = {
    "torchscript": lambda _card, source: load_torchscript(_archive(source)),
    "export": lambda _card, source: load_exported(_archive(source)),
    "onnx": lambda card, source: load_onnx(_archive(source), card.outputs),
    "transformers": _architecture,
    "chat": lambda _card, source: _refuse_chat(source),
}


def _refuse_chat(source: ModelSource) -> nn.Module:
    allowed = "a format with a module: a chat server has this model, and VIDSIGNAL_OPENAI_MODELS puts it there"
    raise refuse(source.card_path, "model.format", source.format, allowed)


def _preparation(source: ModelSource) -> nn.Module:
    if source.pixels is not None:
        return PixelInput(source.pixels)
    return NormalisedSound() if source.is_sound_normalised else nn.Identity()


def _try(card: Card, module: nn.Module, num_rows: int, path: Path) -> None:
    try:
        with torch.inference_mode():
            answers = module(_example(card, num_rows))
    except WrongOutputs as error:
        raise refuse(path, "outputs", list(card.outputs), f"one for each of the model's, in order ({error})") from error
    except Exception as error:
        # As above: a program from outside may raise anything about an input that its card promises.
        field, found = f"input of shape {(num_rows, *card.input_shape)}", f"refused: {_last_line(error)}"
        allowed = "what the model takes and answers, in each of runs.batch_sizes"
        raise CardInvalid(f"card {str(path)!r}: {field} is {found}; allowed: {allowed}") from error
    _check_answers(card, answers, num_rows, path)


def _example(card: Card, num_rows: int) -> Tensor:
    shape = (num_rows, *card.input_shape)
    noise = torch.Generator().manual_seed(0)
    if card.input_dtype == "uint8":
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=noise)
    if card.input_dtype == "int64":
        return torch.ones(shape, dtype=torch.int64)
    return 0.1 * torch.randn(shape, generator=noise)


def _check_answers(card: Card, answers: Sequence[Tensor], num_rows: int, path: Path) -> None:
    for index, (name, answer) in enumerate(zip(card.outputs, answers, strict=True)):
        if answer.shape[:1] != (num_rows,):
            raise refuse(
                path, f"outputs[{index}]", f"{name} of shape {tuple(answer.shape)}", f"one row an input, {num_rows}"
            )
        if not bool(answer.isfinite().all()):
            raise refuse(path, f"outputs[{index}]", f"{name} with a number that is not finite", "finite numbers")
    _check_scores(card, answers, path)
    _check_embedding(card, answers, path)
    _check_boxes(card, answers, path)


def _check_boxes(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    if card.boxes is None:
        return
    _require_ratios(card.boxes, answers[card.boxes.index][..., 4], path)


def _check_scores(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    if card.scores is None:
        return
    scores, classes = answers[card.scores.index], card.scores.classes
    if scores.shape[1:] != (len(classes),):
        field = f"outputs[{card.scores.index}].classes"
        raise refuse(path, field, f"{len(classes)} words", f"{scores[0].numel()}, one a score")
    _require_ratios(card.scores, scores, path)


def _require_ratios(output: ScoreOutput | BoxOutput, scores: Tensor, path: Path) -> None:
    least, most = float(scores.min()), float(scores.max())
    if not (least >= 0 and most <= 1 + 1e-4):
        allowed = "softmax or sigmoid, as the model answers outside of [0, 1]"
        found = f"{output.activation} ({least:g} to {most:g})"
        raise refuse(path, f"outputs[{output.index}].activation", found, allowed)


def _check_embedding(card: Card, answers: Sequence[Tensor], path: Path) -> None:
    if card.embedding is None:
        return
    shape = tuple(answers[card.embedding.index].shape[1:])
    if shape != (card.embedding.dimensions,):
        allowed = f"a space that ends in the dimensions of the output, {list(shape)}"
        raise refuse(path, f"outputs[{card.embedding.index}].space", card.embedding_space, allowed)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
