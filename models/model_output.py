"""What the outputs of a model mean, and which labels of the taxonomy they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.model_files import CardFile

Activation = Literal["none", "softmax", "sigmoid"]
Coordinates = Literal["xyxy", "xywh", "cxcywh"]
"""Of a box: two corners; upper left corner and size; centre and size."""
Background = Literal["none", "first", "last"]
"""Column of a box's scores that means that there is nothing."""
CountedGroup = Literal["people", "faces", "vehicles", "animals", "objects"]
"""What the objects of a detector's class are counted as in a frame."""
Combination = Literal["sum", "max"]
"""How scores of several outputs with one label combine: classes that exclude each other are added, others are not."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """How an output of the model becomes a label of the taxonomy."""

    output_label: str
    """The model's own name, such as AudioSet's `Gunshot, gunfire`."""
    label: str
    """A label of `schemas.labels`."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Points (model's score, resulting score), ascending in both, with linear interpolation. Empty: unchanged."""
    is_measured: bool = True
    """Whether labelled material showed what its scores mean. If not, evidence is marked and decides nothing."""


@dataclass(frozen=True, slots=True)
class LabelPrompts:
    """Sentences that describe a label to a model that knows pictures and texts."""

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreOutput:
    """An output with class scores, in [0, 1]."""

    index: int
    """Index among the outputs."""
    classes: tuple[str, ...]
    """The model's own class names, by column; empty if a vocabulary of the product contains them."""
    vocabulary: str = ""
    combination: Combination = "max"
    tags_from: float | None = None
    """Lowest probability of a class that is a tag of a video; None: its classes are no tags."""
    group_tags_from: float | None = None
    """The same for what several classes of the vocabulary have in common, by the sum of their probabilities."""
    activation: Activation = "none"


@dataclass(frozen=True, slots=True)
class BoxOutput:
    """An output with places in the frame.

    An added module answers (Q, 6), the best first: left, top, right and bottom in shares of its square, score, class.
    One of the product answers (B, 4), and the output of scores (B, K): if they were sorted, rows that hardly differ
    would change places.
    """

    index: int
    """Index among the outputs."""
    classes: tuple[str, ...]
    """The model's own class names."""
    threshold: float
    """Boxes with lower scores are not stated and not cut out."""
    max_boxes: int
    """Of one frame."""
    max_overlap: float
    """Of two boxes of one class that overlap by a larger share of their union, the better one counts."""
    scores_index: int | None = None
    """Index of the output with a score per box and class; None if the boxes' own rows have score and class."""
    activation: Activation = "none"
    background: Background = "none"
    coordinates: Coordinates = "xyxy"
    side_px: int = 1
    """What a coordinate of one means; 1 where they are shares of the input."""
    groups: tuple[CountedGroup, ...] = ()
    """What the objects of each class are counted as, in the order of the classes; empty: they are not counted."""
    tags_from: float | None = None
    """Lowest score of a box from which on its class is a tag of a video; None: its classes are no tags."""


@dataclass(frozen=True, slots=True)
class TextOutput:
    """An output with a text, by connectionist temporal classification (CTC). The module answers (T, 2): the best token
    of each step, and its probability."""

    index: int
    """Index among the outputs."""
    vocabulary: CardFile
    blank: str
    """The token that separates equal characters."""
    space: str
    """The token between words."""


@dataclass(frozen=True, slots=True)
class EmbeddingOutput:
    """An output that is a vector."""

    index: int
    dimensions: int | None
    """None: the size of the output of a packaged model."""
