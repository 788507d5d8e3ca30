"""The format of `[model]` in a card's file: one table per format of model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from models.card import Task
from models.card_parts import CardPart, FilePath, Repository, Revision, Sha256, Text, Word


class PackageFileTable(CardPart, frozen=True, kw_only=True):
    """One file of a published package."""

    package: Word
    member: FilePath
    sha256: Sha256


class PackageTable(CardPart, frozen=True, kw_only=True, tag_field="format", tag="package"):
    """`[model]` of a model of the product, with weights in a published package."""

    architecture: Word
    files: Annotated[tuple[PackageFileTable, ...], Meta(min_length=1)]


class _AddedTable(CardPart, frozen=True, kw_only=True):
    """`[model]` whose files are in the card's folder."""

    repository: Repository | None = None
    """Of a hub, from which the files were downloaded."""
    revision: Revision | None = None


class TorchscriptTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="torchscript"):
    """`[model]` that is a TorchScript archive in the card's folder."""

    file: FilePath
    sha256: Sha256


class ExportTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="export"):
    """`[model]` that is an archive of `torch.export` in the card's folder."""

    file: FilePath
    sha256: Sha256


class OnnxTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="onnx"):
    """`[model]` that is an ONNX graph in one file in the card's folder."""

    file: FilePath
    sha256: Sha256


class TransformersTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="transformers"):
    """`[model]` that is an architecture of `transformers`, in a folder with its configuration and safetensors."""

    task: Task
    folder: FilePath = "."
    files: Annotated[dict[FilePath, Sha256], Meta(min_length=2, max_length=64)]
    """Every file in the folder."""


class ChatTable(CardPart, frozen=True, kw_only=True, tag_field="format", tag="chat"):
    """`[model]` that a chat server has: nothing of it is on the worker."""

    question: Text
    """About one picture; the server also gets the names of the classes."""
