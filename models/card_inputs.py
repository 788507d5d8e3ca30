"""What a card's `[input]` comes to: the shape of an item, and how an agent makes it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from models.card import Dtype, Modality
from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_input_fields import (
    AudioTable,
    ClipTable,
    CropTable,
    FrameTable,
    OperatorTable,
    PictureTable,
    TextTable,
)
from models.card_model_fields import TransformersTable
from models.card_pictures import clip_input, crop_input, picture_input
from models.card_sound import sound_input, sound_shape
from models.model_files import CardFile
from models.model_input import AudioInput, ClipInput, CropInput, FrameInput, PixelValues, TextInput


class ItemInput(NamedTuple):
    """One item of a model."""

    modality: Modality
    shape: tuple[int, ...]
    dtype: Dtype
    prepared: FrameInput | ClipInput | CropInput | AudioInput | TextInput | None


def item_input(table: CardTable, path: Path) -> ItemInput:
    """Read a card's input. Raises CardInvalid."""
    given = table.input
    if isinstance(given, OperatorTable):
        return ItemInput(given.modality, given.shape, given.dtype, None)
    if isinstance(given, FrameTable):
        return ItemInput("frames", (given.side_px, given.side_px, 3), "uint8", picture_input(given, path))
    if isinstance(given, CropTable):
        return ItemInput("frames", (given.side_px, given.side_px, 3), "uint8", crop_input(given, path))
    if isinstance(given, ClipTable):
        shape = (given.frames, given.side_px, given.side_px, 3)
        return ItemInput("frames", shape, "uint8", clip_input(given, path))
    return _of_sound(given, path) if isinstance(given, AudioTable) else _of_text(given, table, path)


def pixel_values(table: CardTable) -> PixelValues | None:
    """What is done to pixels on the device; None where the model takes no frames."""
    given = table.input
    if not isinstance(given, PictureTable):
        return None
    return PixelValues(given.layout, given.dtype, given.scale, given.mean, given.std, given.colours)


def _of_sound(given: AudioTable, path: Path) -> ItemInput:
    prepared = sound_input(given, path)
    return ItemInput("audio", sound_shape(prepared), "float32", prepared)


def _of_text(given: TextTable, table: CardTable, path: Path) -> ItemInput:
    prepared = TextInput(_tokenizer(given, table, path), given.max_tokens, given.pad_token)
    return ItemInput("context", (given.max_tokens,), "int64", prepared)


def _tokenizer(given: TextTable, table: CardTable, path: Path) -> CardFile:
    return named_file("input.tokenizer", given.tokenizer, given.tokenizer_sha256, table, path)


def named_file(field: str, name: str, sha256: str | None, table: CardTable, path: Path) -> CardFile:
    """Return a file that a card names apart from its model, with its hash. Raises CardInvalid where there is none."""
    if sha256 is not None:
        return CardFile(name, sha256)
    if isinstance(table.model, TransformersTable) and name in table.model.files:
        return CardFile(f"{table.model.folder}/{name}", table.model.files[name])
    allowed = f"a file of model.files, or one in the card's folder with {field.rpartition('.')[2]}_sha256"
    raise refuse(path, field, name, allowed)
