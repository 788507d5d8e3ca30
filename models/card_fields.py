"""The format of a card's file: every table and key, with its allowed values. The file is TOML; see `docs/models.md`.

`models.card_input_fields`, `models.card_model_fields` and `models.card_output_fields` contain its tables. Unknown keys
are refused: a misspelt key would otherwise have no effect, and nobody would notice.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from models.card import DeviceName, Precision
from models.card_input_fields import AudioTable, ClipTable, CropTable, FrameTable, OperatorTable, TextTable
from models.card_model_fields import (
    ChatTable,
    ExportTable,
    OnnxTable,
    PackageTable,
    TorchscriptTable,
    TransformersTable,
)
from models.card_output_fields import BoxesTable, EmbeddingTable, OtherTable, ScoresTable, TextOutputTable
from models.card_parts import CardPart, FilePath, Name, Text, Version

MAX_BATCH: Final = 64


class RunsTable(CardPart, frozen=True, kw_only=True):
    """`[runs]`: how a device runs it."""

    batch_sizes: Annotated[tuple[Annotated[int, Meta(ge=1, le=MAX_BATCH)], ...], Meta(max_length=16)] = (1, 4, 8)
    precisions: Annotated[tuple[Precision, ...], Meta(min_length=1, max_length=2)] = ("float32",)
    lengths: Annotated[tuple[Annotated[int, Meta(ge=1, le=1_000_000)], ...], Meta(max_length=8)] = ()
    """Of models of the product: lengths of an item, see `Card.lengths`."""
    devices: Annotated[tuple[DeviceName, ...], Meta(min_length=1, max_length=5)] | None = None
    """cpu and cuda where they are left out; only cpu for ONNX, and a server where it is listed."""


class CardTable(CardPart, frozen=True, kw_only=True):
    """The whole file."""

    name: Name
    version: Version
    use: str = ""
    purpose: Text
    source: Text
    licence: Text
    checked_on: Text
    generation: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    calibration: FilePath | None = None
    """File with points that were fitted to labelled material."""
    input: FrameTable | ClipTable | CropTable | AudioTable | TextTable | OperatorTable
    model: PackageTable | TorchscriptTable | ExportTable | OnnxTable | TransformersTable | ChatTable
    runs: RunsTable = RunsTable()
    outputs: Annotated[
        tuple[ScoresTable | EmbeddingTable | BoxesTable | TextOutputTable | OtherTable, ...],
        Meta(min_length=1, max_length=16),
    ]
