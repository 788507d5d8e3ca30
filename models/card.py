"""A card: everything that a reader must know about a model before using its numbers.

A card is a file, see `models.card_fields` for its format; this module contains the values that the product uses, with
`models.model_input`, `models.model_output` and `models.model_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.model_files import CardFile, WeightFile
from models.model_input import AudioInput, ClipInput, CropInput, FrameInput, PixelValues, TextInput
from models.model_output import BoxOutput, EmbeddingOutput, LabelPrompts, LabelSource, ScoreOutput, TextOutput
from models.tolerance import Deviation, Tolerance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

Modality = Literal["frames", "audio", "motion", "context"]
Precision = Literal["float32", "bfloat16"]
DeviceName = Literal["cpu", "cuda", "neuron", "kserve", "openai"]
"""Kinds of devices, and protocols of servers; a card may name one that this release has no backend for."""
Dtype = Literal["uint8", "float32", "int64"]
Format = Literal["package", "torchscript", "export", "onnx", "transformers", "chat"]
Task = Literal[
    "image-classification", "object-detection", "video-classification", "audio-classification", "audio-ctc",
    "text-classification", "image-text",
]  # fmt: skip
"""What an architecture of `transformers` does."""


@dataclass(frozen=True, slots=True)
class HubOrigin:
    """The snapshot of a hub from which a model's files were downloaded."""

    repository: str
    """`owner/name`."""
    revision: str
    """Commit, 40 hex digits."""

    def __str__(self) -> str:
        """As a reader looks it up."""
        return f"{self.repository}@{self.revision}"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Source of the module."""

    format: Format
    card_path: Path
    """The card's own file; the files that it names are in the same folder."""
    architecture: str = ""
    """Of a model of the product, see `models.loaders`."""
    files: tuple[CardFile, ...] = ()
    pixels: PixelValues | None = None
    is_sound_normalised: bool = False
    """Whether each window of sound gets a mean of 0 and a variance of 1."""
    origin: HubOrigin | None = None
    task: Task = "image-classification"
    folder: str = "."
    """Of a model of `transformers`: where its files are, below the card's folder."""
    notes: tuple[str, ...] = ()
    """Files of the card that the model does not read: its calibration."""
    prompts: tuple[LabelPrompts, ...] = ()
    question: str = ""
    """That a chat server is asked about a picture."""
    background: tuple[str, ...] = ()
    """What a picture may show instead of a label; of models whose scores compete."""


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
    """Source of architecture and training: paper, project, organisation."""
    licence: str
    """SPDX expression of the weights, with a remark if the package does not state it."""
    files: tuple[WeightFile, ...]
    input_shape: tuple[int, ...]
    input_dtype: Dtype
    input_description: str
    outputs: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    """Batch sizes of a processor, ascending; an accelerator may add larger ones, which it measures."""
    precisions: tuple[Precision, ...]
    """Permitted precisions, where the outputs stay within their tolerance; without a measurement the first that the
    device offers is used."""
    generation: int
    """Grows with every model that replaces another of the same purpose; decides which signal wins."""
    checked_on: str
    """What was tested, and what was not."""
    devices: tuple[DeviceName, ...] = ("cpu", "cuda")
    """Where it may run; on a worker with another device it runs on the processor, if that is listed."""
    tolerances: tuple[Tolerance, ...] = ()
    """Per output, how far another precision or engine may be from float32."""
    embedding_space: str | None = None
    """Name of the space of its embedding; vectors of different spaces are never compared."""
    labels: tuple[LabelSource, ...] = ()
    use: str = ""
    """The operator of the product that uses this model; empty if the agent runs it by its card."""
    max_frames: int | None = None
    """Most frames of a video that it is shown, different ones if there are; None: every sampled frame."""
    prepared: FrameInput | ClipInput | CropInput | AudioInput | TextInput | None = None
    """How the agent makes its input; None if the operator does."""
    scores: ScoreOutput | None = None
    embedding: EmbeddingOutput | None = None
    boxes: BoxOutput | None = None
    text: TextOutput | None = None
    model: ModelSource | None = None
    scores_digest: str = ""
    """SHA-256 of the parts of an added card that decide the model's own scores, which a calibration is fitted for."""
    lengths: tuple[int, ...] = ()
    """Lengths of an item that the model takes, ascending, the last one as in `input_shape`; what is left out at the end
    would be zeros, and changes nothing of the rest. Empty: only `input_shape`."""
    digest: str = ""
    """SHA-256 of the result-relevant parts of an added card; empty for the product's own, which are part of the
    release."""

    @property
    def fingerprint(self) -> str:
        """Short text that changes when the weights change, or the result-relevant parts of an added card."""
        if self.digest:
            origin = f",{self.model.origin}" if self.model is not None and self.model.origin is not None else ""
            return f"{self.name}@{self.version}:card-{self.digest[:16]}{origin}"
        return f"{self.name}@{self.version}:" + ",".join(file.sha256[:12] for file in self.files)

    @property
    def item_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of an item that the model takes, the shortest first; the last one is `input_shape`."""
        return tuple((length, *self.input_shape[1:]) for length in self.lengths) or (self.input_shape,)

    def is_uncalibrated(self, label: str) -> bool:
        """Whether nothing says what its scores of a label mean: they come from sentences and have no points, or were
        never measured."""
        has_points = any(source.calibration for source in self.labels if source.label == label)
        is_from_sentences = self.model is not None and bool(self.model.prompts) and not has_points
        return is_from_sentences or not self.is_measured(label)

    def is_measured(self, label: str) -> bool:
        """Whether the card lets its scores of a label decide."""
        return all(source.is_measured for source in self.labels if source.label == label)

    def excess_of(self, expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> str | None:
        """Return which output breaks its tolerance, and how; None if none does.

        Args:
            expected: answers in float32, one array (N, ...) per output.
            found: answers to the same N inputs in another precision, or of another engine.
        """
        if len(found) != len(self.outputs):
            return f"{len(found)} outputs, the card names {len(self.outputs)}"
        for name, tolerance, *answers in zip(self.outputs, self.tolerances, expected, found, strict=True):
            excess = tolerance.excess(Deviation.between(*answers))
            if excess is not None:
                return f"output {name}: {excess}"
        return None

    @property
    def is_added(self) -> bool:
        """Whether the card is not one of the product's own."""
        return self.model is not None and self.model.format != "package"
