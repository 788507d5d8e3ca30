"""The format of `[input]` in a card's file: one table per kind of input."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from models.card import Dtype, Modality
from models.card_parts import CardPart, FilePath, Name, Sha256, Text, Triple, Word
from models.model_input import Colours, Interpolation, MelKind, MelLayout, MelScale, Resize

MAX_SIDE_PX: Final = 1024


class PictureTable(CardPart, frozen=True, kw_only=True):
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
    mean: Triple = (0.0, 0.0, 0.0)
    std: Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=3, max_length=3)] = (1.0, 1.0, 1.0)


class FrameTable(PictureTable, frozen=True, kw_only=True, tag_field="kind", tag="frame"):
    """`[input]` of a model for single frames."""

    description: Text = "One sampled frame."
    layout: Literal["nchw", "nhwc"] = "nchw"
    max_frames: Annotated[int, Meta(ge=1, le=48)] | None = None
    """Of a video; all sampled frames where it is left out."""


class ClipTable(PictureTable, frozen=True, kw_only=True, tag_field="kind", tag="clip"):
    """`[input]` of a model for several frames in a row."""

    description: Text = "Frames of a video, in order of time."
    frames: Annotated[int, Meta(ge=2, le=64)]
    stride: Annotated[int, Meta(ge=1, le=16)] | None = None
    """1 if left out."""
    frame_seconds: Annotated[float, Meta(ge=0.02, le=10)] | None = None
    """In place of `stride`."""
    clips: Annotated[int, Meta(ge=1, le=32)] = 4
    layout: Literal["ntchw", "ncthw", "nthwc"] = "ntchw"


class LogMelTable(CardPart, frozen=True, kw_only=True):
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

    description: Text = "A part of a sampled frame."
    of: Name
    classes: Annotated[tuple[Word, ...], Meta(max_length=1_000)] = ()
    max_crops: Annotated[int, Meta(ge=1, le=32)] = 4
    margin_ratio: Annotated[float, Meta(ge=0, le=2)] = 0.0
    layout: Literal["nchw", "nhwc"] = "nchw"


class AudioTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="audio"):
    """`[input]` of a model that hears windows of sound."""

    description: Text = "A window of mono sound in [-1, 1]."
    sample_rate_hz: Annotated[int, Meta(ge=4_000, le=48_000)] = 16_000
    window_seconds: Annotated[float, Meta(ge=0.02, le=30)]
    hop_seconds: Annotated[float, Meta(ge=0.02, le=30)] | None = None
    """As `window_seconds` where it is left out."""
    normalise: bool = False
    log_mel: LogMelTable | None = None


class TextTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """`[input]` of a model that reads the upload's text."""

    description: Text = "Title, description and hashtags, in pieces of at most so many tokens."
    tokenizer: FilePath = "tokenizer.json"
    tokenizer_sha256: Sha256 | None = None
    """Where the model's own files do not name the tokenizer."""
    max_tokens: Annotated[int, Meta(ge=8, le=512)]
    pad_token: Word = "[PAD]"  # noqa: S105


class OperatorTable(CardPart, frozen=True, kw_only=True, tag_field="kind", tag="operator"):
    """`[input]` of a model whose input an operator of the product makes."""

    modality: Modality
    description: Text
    shape: tuple[int, ...] = ()
    dtype: Dtype = "float32"
