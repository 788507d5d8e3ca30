"""How an operator or an agent makes the input of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.model_files import CardFile

Resize = Literal["shorter-side", "squash", "pad"]
Interpolation = Literal["area", "bilinear", "bicubic"]
MelKind = Literal["kaldi", "whisper", "natural", "decibel"]
"""Whose log-mel spectrogram: Kaldi's filter bank (AST and other models of AudioSet), Whisper's, or torchaudio's in
natural logarithms or decibels."""
PixelLayout = Literal["nchw", "nhwc", "ntchw", "ncthw", "nthwc"]
"""Axes of a batch: rows, frames of a clip (t), colours, height, width."""
Colours = Literal["rgb", "bgr"]
MelScale = Literal["htk", "slaney"]
MelLayout = Literal["mels-time", "time-mels"]


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
class PixelValues:
    """Conversion of the square's pixels, on the device: (pixel * scale - mean) / std."""

    layout: PixelLayout
    dtype: Literal["float32", "uint8"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colours: Colours = "rgb"
    """Their order in the model, also of `mean` and `std`."""
