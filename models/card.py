"""A card: everything a stranger must know of a model before trusting a number that it says.

A card is a file, see `models.card_fields` for its format; this is what the rest of the product sees of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Modality = Literal["frames", "audio", "motion", "context"]
Precision = Literal["float32", "bfloat16"]
Dtype = Literal["uint8", "float32", "int64"]
Resize = Literal["shorter-side", "squash", "pad"]
Interpolation = Literal["area", "bilinear", "bicubic"]
Combination = Literal["sum", "max"]
"""How scores of several outputs that mean one label combine: classes that exclude each other add up, others do not."""
Format = Literal["package", "torchscript"]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file inside a published package."""

    package: str
    """Distribution name and the exact version, `name==version`."""
    member: str
    """Path inside the wheel."""
    sha256: str
    """Of the extracted file, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """One file beside a card."""

    path: str
    """Below the card's folder, with `/`."""
    sha256: str
    """64 hex digits."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """How an output of the model becomes a label of the taxonomy."""

    output_label: str
    """The model's own word, such as AudioSet's `Gunshot, gunfire`."""
    label: str
    """A label of `schemas.labels`."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Points (model's score, score to state), ascending in both; in between it is linear. Empty: as it is."""


@dataclass(frozen=True, slots=True)
class FrameInput:
    """How a sampled frame becomes a square of RGB; cards that want the same share it."""

    side_px: int
    """The square has `side_px` rows and columns, (side_px, side_px, 3) uint8."""
    resize: Resize
    """`shorter-side` keeps the aspect and cuts the middle, `squash` does not keep it, `pad` fills up with black."""
    resize_px: int
    """Side that is scaled to before the middle is cut; at least `side_px`."""
    interpolation: Interpolation = "area"


@dataclass(frozen=True, slots=True)
class PixelValues:
    """What a model wants of the square's pixels, done on the device: (pixel * scale - mean) / std."""

    layout: Literal["nchw", "nhwc"]
    dtype: Literal["float32", "uint8"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScoreOutput:
    """The output that scores classes, in [0, 1]."""

    index: int
    """Place among the outputs."""
    classes: tuple[str, ...]
    """The model's own words, by column; empty where a vocabulary of the product names them."""
    vocabulary: str = ""
    combination: Combination = "max"
    writes_tags: bool = False
    """Whether the strongest classes of a video are its tags."""
    activation: Literal["none", "softmax", "sigmoid"] = "none"


@dataclass(frozen=True, slots=True)
class EmbeddingOutput:
    """The output that is a vector."""

    index: int
    dimensions: int | None
    """None: whatever the model of a package answers."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where the module comes from."""

    format: Format
    card_path: Path
    """The card's own file; what it names lies in the same folder."""
    architecture: str = ""
    """Of a model of the product, see `models.loaders`."""
    files: tuple[CardFile, ...] = ()
    pixels: PixelValues | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A model's manifest entry; see `models.card_registry`.

    Batched models take `(N, *input_shape)` of `input_dtype` and return one float32 array per name in `outputs`.
    """

    name: str
    version: str
    modality: Modality
    purpose: str
    source: str
    """Where the architecture and the training come from: paper, project, organisation."""
    licence: str
    """SPDX expression of the weights, with a remark where a package leaves it unsaid."""
    files: tuple[WeightFile, ...]
    input_shape: tuple[int, ...]
    input_dtype: Dtype
    input_description: str
    outputs: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    """The only batch sizes that a device ever sees, ascending."""
    precisions: tuple[Precision, ...]
    """What the model may run in; the first that the device offers is taken."""
    generation: int
    """Grows with every model that replaces another of the same purpose; decides which signal wins."""
    checked_on: str
    """What was run to believe it, and what was not."""
    bfloat16_note: str = ""
    """Measured difference to float32 where bfloat16 is allowed."""
    embedding_space: str | None = None
    """Name of the space of its embedding; vectors of different spaces are never compared."""
    labels: tuple[LabelSource, ...] = ()
    use: str = ""
    """The operator of the product that works with this model; empty where the agent runs it as its card says."""
    prepared: FrameInput | None = None
    """How the agent makes its input; None where the operator of its use does."""
    scores: ScoreOutput | None = None
    embedding: EmbeddingOutput | None = None
    model: ModelSource | None = None
    digest: str = ""
    """SHA-256 of what an added card says of results; empty for the product's own, where the release stands for it."""

    @property
    def fingerprint(self) -> str:
        """Short text that changes when the weights change, or what an added card says of them."""
        if self.digest:
            return f"{self.name}@{self.version}:card-{self.digest[:16]}"
        return f"{self.name}@{self.version}:" + ",".join(file.sha256[:12] for file in self.files)

    @property
    def is_added(self) -> bool:
        """Whether the card is not one of the product's own."""
        return self.model is not None and self.model.format != "package"
