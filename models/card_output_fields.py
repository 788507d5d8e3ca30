"""The format of `[[outputs]]` in a card's file: one table per kind of output, with labels and tolerances."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, field

from models.card_parts import CardPart, FilePath, Sha256, SpaceName, Word
from models.card_points import Points, Score
from models.model_output import Activation, Background, Combination, Coordinates

MAX_CLASSES: Final = 100_000
MAX_BOXES: Final = 100


class PromptsTable(CardPart, frozen=True, kw_only=True):
    """A label, and sentences that describe it to a model of pictures and texts."""

    label: Word
    texts: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    """What the taxonomy says of the label where they are left out."""
    calibration: Annotated[Points, Meta(max_length=1_000)] = ()


class LabelTable(CardPart, frozen=True, kw_only=True):
    """A class that maps to a label of the taxonomy."""

    class_: Word
    label: Word
    calibration: Annotated[Points, Meta(max_length=1_000)] = ()
    measured: bool = True
    """False: no labelled material showed what its scores mean, so they decide nothing by themselves."""


class ToleranceTable(CardPart, frozen=True, kw_only=True):
    """`tolerance` of numbers: how far another precision or engine may be from float32."""

    max_difference: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.02
    min_equal_top1_ratio: Score | None = None
    """Of classes that exclude each other."""


class EmbeddingToleranceTable(CardPart, frozen=True, kw_only=True):
    """`tolerance` of an embedding."""

    min_cosine: Score = 0.99


class ScoresTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="scores"):
    """An output with a score for each class."""

    name: Word
    activation: Activation = "none"
    classes: Annotated[tuple[Word, ...], Meta(max_length=MAX_CLASSES)] = ()
    vocabulary: Literal["", "imagenet-1k", "audioset-521"] = ""
    combine: Combination = "max"
    tags_from: Score | None = None
    """Classes are tags of a video from this probability on; none are where it is left out."""
    group_tags_from: Score | None = None
    """Of a vocabulary: what several classes have in common is a tag from this sum of their probabilities on."""
    labels: tuple[LabelTable, ...] = ()
    prompts: Annotated[tuple[PromptsTable, ...], Meta(max_length=200)] = ()
    background: Annotated[tuple[Word, ...], Meta(max_length=64)] = ("a photo",)
    tolerance: ToleranceTable = ToleranceTable()


class EmbeddingTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="embedding"):
    """An output that is a vector in a space of its own."""

    name: Word
    space: SpaceName
    tolerance: EmbeddingToleranceTable = EmbeddingToleranceTable()


class OtherTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="other"):
    """An output that no agent reads through its card."""

    name: Word
    tolerance: ToleranceTable = ToleranceTable()


class BoxesTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="boxes"):
    """An output with boxes, and classes of what is in them."""

    name: Word
    scores: Word | None = None
    """Name of the output with a score per box and class; without it, the boxes' rows are x, y, x, y, score, class."""
    activation: Activation = "none"
    classes: Annotated[tuple[Word, ...], Meta(max_length=MAX_CLASSES)] = ()
    background: Background = "none"
    """A column of the scores, in addition to those of the classes, that means that there is nothing."""
    coordinates: Coordinates = "xyxy"
    units: Literal["ratio", "pixels"] = "ratio"
    threshold: Score = 0.5
    max_boxes: Annotated[int, Meta(ge=1, le=MAX_BOXES)] = 20
    max_overlap: Score = 0.5
    groups: dict[Word, Annotated[tuple[Word, ...], Meta(max_length=MAX_CLASSES)]] = field(default_factory=dict)
    """Classes by what their objects are counted as; the rest are counted as objects. Nothing is counted without it."""
    tags_from: Score | None = None
    """Classes are tags of a video from this score of a box on; none are where it is left out."""
    labels: tuple[LabelTable, ...] = ()
    tolerance: ToleranceTable = ToleranceTable()


class TextOutputTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """An output with scores of tokens over time, of which the best are a text."""

    name: Word
    vocabulary: FilePath = "vocab.json"
    vocabulary_sha256: Sha256 | None = None
    """Where the model's own files do not name the vocabulary."""
    blank: Word = "<pad>"
    space: Word = "|"
    tolerance: ToleranceTable = ToleranceTable()
