"""The format of a card's file: every table and key, with its allowed values. The file is TOML; see `docs/models.md`.

Unknown keys are refused: a misspelt key would otherwise have no effect, and nobody would notice.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from models.card import (
    Activation,
    Background,
    Colours,
    Combination,
    Coordinates,
    DeviceName,
    Dtype,
    Interpolation,
    MelKind,
    MelLayout,
    MelScale,
    Modality,
    Precision,
    Resize,
    Task,
)
from models.card_points import Points, Score
from schemas.expectations import ALLOWED

MAX_SIDE_PX: Final = 1024
MAX_BATCH: Final = 64
MAX_CLASSES: Final = 100_000
MAX_BOXES: Final = 100

_Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
_Word = Annotated[str, Meta(min_length=1, max_length=200)]
_Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$(?!\n)",
        extra={ALLOWED: "lower-case letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit"},
    ),
]
_Version = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,31}$(?!\n)",
        extra={ALLOWED: "letters, digits, '.', '+', '_' and '-', at most 32, beginning with a letter or digit"},
    ),
]
_Sha256 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", extra={ALLOWED: "64 lower-case hexadecimal digits, as sha256sum prints"})
]
_Space = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}/[1-9][0-9]{0,4}$(?!\n)",
        extra={ALLOWED: "a name and the number of dimensions, such as my-model/512"},
    ),
]
_Repository = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$(?!\n)",
        extra={ALLOWED: "owner/name"},
    ),
]
_Revision = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{40}$(?!\n)",
        extra={ALLOWED: "the 40 lower-case hexadecimal digits of a commit; branches and tags move"},
    ),
]
_Triple = Annotated[tuple[float, ...], Meta(min_length=3, max_length=3)]
_Path = Annotated[str, Meta(min_length=1, max_length=255)]


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=lambda name: name.removesuffix("_")):
    """A part of a card's file."""


class PictureTable(_Table, frozen=True, kw_only=True):
    """Keys of every `[input]` of pictures."""

    side_px: Annotated[int, Meta(ge=8, le=MAX_SIDE_PX)]
    resize: Resize = "shorter-side"
    resize_px: Annotated[int, Meta(ge=8, le=2 * MAX_SIDE_PX)] | None = None
    """`side_px` if left out."""
    interpolation: Interpolation = "area"
    pad_level: Annotated[int, Meta(ge=0, le=255)] = 0
    colours: Colours = "rgb"
    dtype: Literal["float32", "uint8"] = "float32"
    scale: Annotated[float, Meta(gt=0)] = 1 / 255
    mean: _Triple = (0.0, 0.0, 0.0)
    std: Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=3, max_length=3)] = (1.0, 1.0, 1.0)


class FrameTable(PictureTable, frozen=True, kw_only=True, tag_field="kind", tag="frame"):
    """`[input]` of a model for single frames."""

    description: _Text = "One sampled frame."
    layout: Literal["nchw", "nhwc"] = "nchw"
    max_frames: Annotated[int, Meta(ge=1, le=48)] | None = None
    """Of a video; all sampled frames where it is left out."""


class ClipTable(PictureTable, frozen=True, kw_only=True, tag_field="kind", tag="clip"):
    """`[input]` of a model for several frames in a row."""

    description: _Text = "Frames of a video, in order of time."
    frames: Annotated[int, Meta(ge=2, le=64)]
    stride: Annotated[int, Meta(ge=1, le=16)] | None = None
    """1 if left out."""
    frame_seconds: Annotated[float, Meta(ge=0.02, le=10)] | None = None
    """In place of `stride`."""
    clips: Annotated[int, Meta(ge=1, le=32)] = 4
    layout: Literal["ntchw", "ncthw", "nthwc"] = "ntchw"


class LogMelTable(_Table, frozen=True, kw_only=True):
    """`[input.log_mel]` of a model that is given spectrograms."""

    kind: MelKind
    mels: Annotated[int, Meta(ge=8, le=512)]
    frame_samples: Annotated[int, Meta(ge=16, le=8192)]
    fft_samples: Annotated[int, Meta(ge=16, le=8192)] | None = None
    """As `frame_samples` where it is left out; of Kaldi, the next power of two."""
    hop_samples: Annotated[int, Meta(ge=8, le=8192)]
    lowest_hz: Annotated[float, Meta(ge=0)] | None = None
    """0 if left out; of Kaldi, 20."""
    highest_hz: Annotated[float, Meta(gt=0)] | None = None
    """Half the sample rate if left out."""
    scale: MelScale | None = None
    """Of the mel filters: `htk` if left out, for Whisper always `slaney`."""
    mean: float = 0.0
    std: Annotated[float, Meta(gt=0)] = 1.0
    frames: Annotated[int, Meta(ge=1, le=8192)] | None = None
    """As many as the window has where it is left out."""
    layout: MelLayout | None = None
    """`time-mels` of Kaldi, `mels-time` of others where it is left out."""
    channel: bool = False


class CropTable(PictureTable, frozen=True, kw_only=True, tag_field="kind", tag="crop"):
    """`[input]` of a model for parts of frames in which another model found something."""

    description: _Text = "A part of a sampled frame."
    of: _Name
    classes: Annotated[tuple[_Word, ...], Meta(max_length=1_000)] = ()
    max_crops: Annotated[int, Meta(ge=1, le=32)] = 4
    margin_ratio: Annotated[float, Meta(ge=0, le=2)] = 0.0
    layout: Literal["nchw", "nhwc"] = "nchw"


class AudioTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="audio"):
    """`[input]` of a model that hears windows of sound."""

    description: _Text = "A window of mono sound in [-1, 1]."
    sample_rate_hz: Annotated[int, Meta(ge=4_000, le=48_000)] = 16_000
    window_seconds: Annotated[float, Meta(ge=0.02, le=30)]
    hop_seconds: Annotated[float, Meta(ge=0.02, le=30)] | None = None
    """As `window_seconds` where it is left out."""
    normalise: bool = False
    log_mel: LogMelTable | None = None


class TextTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """`[input]` of a model that reads the upload's text."""

    description: _Text = "Title, description and hashtags, in pieces of at most so many tokens."
    tokenizer: _Path = "tokenizer.json"
    tokenizer_sha256: _Sha256 | None = None
    """Where the model's own files do not name the tokenizer."""
    max_tokens: Annotated[int, Meta(ge=8, le=512)]
    pad_token: _Word = "[PAD]"  # noqa: S105


class OperatorTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="operator"):
    """`[input]` of a model whose input an operator of the product makes."""

    modality: Modality
    description: _Text
    shape: tuple[int, ...] = ()
    dtype: Dtype = "float32"


class PackageFileTable(_Table, frozen=True, kw_only=True):
    """One file of a published package."""

    package: _Word
    member: _Path
    sha256: _Sha256


class PackageTable(_Table, frozen=True, kw_only=True, tag_field="format", tag="package"):
    """`[model]` of a model of the product, with weights in a published package."""

    architecture: _Word
    files: Annotated[tuple[PackageFileTable, ...], Meta(min_length=1)]


class _AddedTable(_Table, frozen=True, kw_only=True):
    """`[model]` whose files are in the card's folder."""

    repository: _Repository | None = None
    """Of a hub, from which the files were downloaded."""
    revision: _Revision | None = None


class TorchscriptTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="torchscript"):
    """`[model]` that is a TorchScript archive in the card's folder."""

    file: _Path
    sha256: _Sha256


class ExportTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="export"):
    """`[model]` that is an archive of `torch.export` in the card's folder."""

    file: _Path
    sha256: _Sha256


class OnnxTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="onnx"):
    """`[model]` that is an ONNX graph in one file in the card's folder."""

    file: _Path
    sha256: _Sha256


class TransformersTable(_AddedTable, frozen=True, kw_only=True, tag_field="format", tag="transformers"):
    """`[model]` that is an architecture of `transformers`, in a folder with its configuration and safetensors."""

    task: Task
    folder: _Path = "."
    files: Annotated[dict[_Path, _Sha256], Meta(min_length=2, max_length=64)]
    """Every file in the folder."""


class ChatTable(_Table, frozen=True, kw_only=True, tag_field="format", tag="chat"):
    """`[model]` that a chat server has: nothing of it is on the worker."""

    question: _Text
    """About one picture; the server also gets the names of the classes."""


class PromptsTable(_Table, frozen=True, kw_only=True):
    """A label, and sentences that describe it to a model of pictures and texts."""

    label: _Word
    texts: Annotated[tuple[_Word, ...], Meta(max_length=64)] = ()
    """What the taxonomy says of the label where they are left out."""
    calibration: Annotated[Points, Meta(max_length=1_000)] = ()


class LabelTable(_Table, frozen=True, kw_only=True):
    """A class that maps to a label of the taxonomy."""

    class_: _Word
    label: _Word
    calibration: Annotated[Points, Meta(max_length=1_000)] = ()
    measured: bool = True
    """False: no labelled material showed what its scores mean, so they decide nothing by themselves."""


class ToleranceTable(_Table, frozen=True, kw_only=True):
    """`tolerance` of numbers: how far another precision or engine may be from float32."""

    max_difference: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.02
    min_equal_top1_ratio: Score | None = None
    """Of classes that exclude each other."""


class EmbeddingToleranceTable(_Table, frozen=True, kw_only=True):
    """`tolerance` of an embedding."""

    min_cosine: Score = 0.99


class ScoresTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="scores"):
    """An output with a score for each class."""

    name: _Word
    activation: Activation = "none"
    classes: Annotated[tuple[_Word, ...], Meta(max_length=MAX_CLASSES)] = ()
    vocabulary: Literal["", "imagenet-1k", "audioset-521"] = ""
    combine: Combination = "max"
    tags_from: Score | None = None
    """Classes are tags of a video from this probability on; none are where it is left out."""
    group_tags_from: Score | None = None
    """Of a vocabulary: what several classes have in common is a tag from this sum of their probabilities on."""
    labels: tuple[LabelTable, ...] = ()
    prompts: Annotated[tuple[PromptsTable, ...], Meta(max_length=200)] = ()
    background: Annotated[tuple[_Word, ...], Meta(max_length=64)] = ("a photo",)
    tolerance: ToleranceTable = ToleranceTable()


class EmbeddingTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="embedding"):
    """An output that is a vector in a space of its own."""

    name: _Word
    space: _Space
    tolerance: EmbeddingToleranceTable = EmbeddingToleranceTable()


class OtherTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="other"):
    """An output that no agent reads through its card."""

    name: _Word
    tolerance: ToleranceTable = ToleranceTable()


class BoxesTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="boxes"):
    """An output with boxes, and classes of what is in them."""

    name: _Word
    scores: _Word | None = None
    """Name of the output with a score per box and class; without it, the boxes' rows are x, y, x, y, score, class."""
    activation: Activation = "none"
    classes: Annotated[tuple[_Word, ...], Meta(max_length=MAX_CLASSES)] = ()
    background: Background = "none"
    """A column of the scores, in addition to those of the classes, that means that there is nothing."""
    coordinates: Coordinates = "xyxy"
    units: Literal["ratio", "pixels"] = "ratio"
    threshold: Score = 0.5
    max_boxes: Annotated[int, Meta(ge=1, le=MAX_BOXES)] = 20
    max_overlap: Score = 0.5
    groups: dict[_Word, Annotated[tuple[_Word, ...], Meta(max_length=MAX_CLASSES)]] = {}
    """Classes by what their objects are counted as; the rest are counted as objects. Nothing is counted without it."""
    tags_from: Score | None = None
    """Classes are tags of a video from this score of a box on; none are where it is left out."""
    labels: tuple[LabelTable, ...] = ()
    tolerance: ToleranceTable = ToleranceTable()


class TextOutputTable(_Table, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """An output with scores of tokens over time, of which the best are a text."""

    name: _Word
    vocabulary: _Path = "vocab.json"
    vocabulary_sha256: _Sha256 | None = None
    """Where the model's own files do not name the vocabulary."""
    blank: _Word = "<pad>"
    space: _Word = "|"
    tolerance: ToleranceTable = ToleranceTable()


class RunsTable(_Table, frozen=True, kw_only=True):
    """`[runs]`: how a device runs it."""

    batch_sizes: Annotated[tuple[Annotated[int, Meta(ge=1, le=MAX_BATCH)], ...], Meta(max_length=16)] = (1, 4, 8)
    precisions: Annotated[tuple[Precision, ...], Meta(min_length=1, max_length=2)] = ("float32",)
    lengths: Annotated[tuple[Annotated[int, Meta(ge=1, le=1_000_000)], ...], Meta(max_length=8)] = ()
    """Of models of the product: lengths of an item, see `Card.lengths`."""
    devices: Annotated[tuple[DeviceName, ...], Meta(min_length=1, max_length=5)] | None = None
    """cpu and cuda where they are left out; only cpu for ONNX, and a server where it is listed."""


class CardTable(_Table, frozen=True, kw_only=True):
    """The whole file."""

    name: _Name
    version: _Version
    use: str = ""
    purpose: _Text
    source: _Text
    licence: _Text
    checked_on: _Text
    generation: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    calibration: _Path | None = None
    """File with points that were fitted to labelled material."""
    input: FrameTable | ClipTable | CropTable | AudioTable | TextTable | OperatorTable
    model: PackageTable | TorchscriptTable | ExportTable | OnnxTable | TransformersTable | ChatTable
    runs: RunsTable = RunsTable()
    outputs: Annotated[
        tuple[ScoresTable | EmbeddingTable | BoxesTable | TextOutputTable | OtherTable, ...],
        Meta(min_length=1, max_length=16),
    ]
