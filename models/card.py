"""A card: everything that a reader must know about a model before using its numbers.

A card is a file, see `models.card_fields` for its format; this module contains the values that the product uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.tolerance import Deviation, Tolerance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

Modality = Literal["frames", "audio", "motion", "context"]
Precision = Literal["float32", "bfloat16"]
DeviceName = Literal["cpu", "cuda", "neuron", "kserve", "openai"]
"""Kinds of devices, and protocols of servers; a card may name one that this release has no backend for."""
Dtype = Literal["uint8", "float32", "int64"]
Resize = Literal["shorter-side", "squash", "pad"]
Interpolation = Literal["area", "bilinear", "bicubic"]
Activation = Literal["none", "softmax", "sigmoid"]
Coordinates = Literal["xyxy", "xywh", "cxcywh"]
"""Of a box: two corners; upper left corner and size; centre and size."""
Background = Literal["none", "first", "last"]
"""Column of a box's scores that means that there is nothing."""
CountedGroup = Literal["people", "faces", "vehicles", "animals", "objects"]
"""What the objects of a detector's class are counted as in a frame."""
MelKind = Literal["kaldi", "whisper", "natural", "decibel"]
"""Whose log-mel spectrogram: Kaldi's filter bank (AST and other models of AudioSet), Whisper's, or torchaudio's in
natural logarithms or decibels."""
PixelLayout = Literal["nchw", "nhwc", "ntchw", "ncthw", "nthwc"]
"""Axes of a batch: rows, frames of a clip (t), colours, height, width."""
Colours = Literal["rgb", "bgr"]
MelScale = Literal["htk", "slaney"]
MelLayout = Literal["mels-time", "time-mels"]
Combination = Literal["sum", "max"]
"""How scores of several outputs with one label combine: classes that exclude each other are added, others are not."""
Format = Literal["package", "torchscript", "export", "onnx", "transformers", "chat"]
Task = Literal[
    "image-classification", "object-detection", "video-classification", "audio-classification", "audio-ctc",
    "text-classification", "image-text",
]  # fmt: skip
"""What an architecture of `transformers` does."""


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
    """One file of a card."""

    path: str
    """Below the card's folder, with `/`."""
    sha256: str
    """64 hex digits."""


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
class FrameInput:
    """How a sampled frame becomes a square of RGB; cards with equal values share it."""

    side_px: int
    """The square has `side_px` rows and columns, (side_px, side_px, 3) uint8."""
    resize: Resize
    """`shorter-side` keeps the aspect and crops the centre, `squash` does not keep it, `pad` adds black."""
    resize_px: int
    """Side to which the frame is scaled before the crop; at least `side_px`."""
    interpolation: Interpolation = "area"
    pad_level: int = 0
    """Of each colour of what `pad` adds, 0 to 255."""


@dataclass(frozen=True, slots=True)
class ClipInput:
    """How frames of a video become a clip, (num_frames, side_px, side_px, 3) uint8; `frame` says how each is scaled."""

    frame: FrameInput
    num_frames: int
    max_clips: int
    """Of one video, spread evenly."""
    stride: int = 1
    """Sampled frames from one of a clip to the next; without effect where `frame_seconds` is given."""
    frame_seconds: float | None = None
    """Time from one frame of a clip to the next: the frames are decoded for the clip."""


@dataclass(frozen=True, slots=True)
class CropInput:
    """How parts of a sampled frame become squares: those in which another model found something."""

    frame: FrameInput
    of: str
    """Name of the model whose boxes are cut out."""
    classes: tuple[str, ...]
    """Its words for what is cut out; all of them if empty."""
    max_crops: int
    """Of one frame, the boxes with the highest scores."""
    margin_ratio: float
    """Of the box's width and height, added at each side."""


@dataclass(frozen=True, slots=True)
class LogMelInput:
    """How a window of sound becomes a log-mel spectrogram, float32; lengths are in samples of the window."""

    kind: MelKind
    num_mels: int
    frame_samples: int
    """Length of one analysis frame."""
    fft_samples: int
    hop_samples: int
    """From one analysis frame to the next."""
    lowest_hz: float
    highest_hz: float
    scale: MelScale
    mean: float
    std: float
    """The model gets (value - mean) / std."""
    num_frames: int
    """A shorter spectrogram is padded with zeros before `mean` and `std` are applied, a longer one is cut."""
    layout: MelLayout
    has_channel: bool
    """Whether an axis of length one comes first, as in a picture."""


@dataclass(frozen=True, slots=True)
class AudioInput:
    """How sound becomes windows of mono float32 in [-1, 1], (window_samples,); cards with equal values share them."""

    window_samples: int
    hop_samples: int
    """From the beginning of a window to that of the next."""
    sample_rate_hz: int = 16_000
    log_mel: LogMelInput | None = None
    """What becomes of each window; None: the model gets the samples."""


@dataclass(frozen=True, slots=True)
class TextInput:
    """How an upload's text becomes pieces of numbered tokens, (max_tokens,) int64."""

    tokenizer: CardFile
    max_tokens: int
    """Of a piece, with the tokens that mark its ends."""
    pad_token: str


@dataclass(frozen=True, slots=True)
class LabelPrompts:
    """Sentences that describe a label to a model that knows pictures and texts."""

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PixelValues:
    """Conversion of the square's pixels, on the device: (pixel * scale - mean) / std."""

    layout: PixelLayout
    dtype: Literal["float32", "uint8"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colours: Colours = "rgb"
    """Their order in the model, also of `mean` and `std`."""


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
    """Of a model of `transformers`: where its files lie, below the card's folder."""
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
