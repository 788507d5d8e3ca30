"""Decoded media as operators see it: sampled frames, a motion track, an audio track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SPEECH_HZ = 16_000
"""Sample rate that speech and sound-event models are trained on."""
FULL_BAND_HZ = 48_000
"""Sample rate for which ITU-R BS.1770 states its loudness filters."""
FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE = FULL_BAND_HZ // SPEECH_HZ


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One frame that the plan chose, upright and in square pixels."""

    pts_seconds: float
    """Display time, from the start of the file's timeline."""
    pixels: npt.NDArray[np.uint8]
    """`(H, W, 3)` uint8 RGB; shorter side 256, or less where the longer side would pass 512. Read-only."""
    is_keyframe: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels are {self.pixels.dtype} {self.pixels.shape}; wanted uint8 (H, W, 3)")


@dataclass(frozen=True, slots=True)
class TextPicture:
    """A picture in which text is looked for, upright and in square pixels."""

    pts_seconds: float
    pixels: npt.NDArray[np.uint8]
    """`(H, W, 3)` uint8 RGB; longer side 640, or less where that would be more than 640x480 pixels. Read-only."""
    alike_seconds: tuple[float, ...]
    """Times of the sampled frames that seem to show the same text, ascending, its own included."""


@dataclass(frozen=True, slots=True)
class MotionSpan:
    """A run `[first, last)` of successive motion frames."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class OutlineTrack:
    """A tiny luma picture of every decoded one, for changes of shot and their times."""

    pts_seconds: npt.NDArray[np.float64]
    """`(N,)` float64, strictly increasing."""
    luma: npt.NDArray[np.uint8]
    """`(N, h, w)` uint8, about 64x36 pixels in the aspect of the stored picture, not turned. Read-only."""
    spans: tuple[MotionSpan, ...]
    """As of `MotionTrack`."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 3 or self.pts_seconds.shape != self.luma.shape[:1]:
            raise ValueError(f"luma {self.luma.shape} and pts {self.pts_seconds.shape} do not match as (N, h, w), (N,)")


@dataclass(frozen=True, slots=True)
class MotionTrack:
    """Small luma pictures, dense in time, for movement."""

    pts_seconds: npt.NDArray[np.float64]
    """`(N,)` float64, strictly increasing."""
    luma: npt.NDArray[np.uint8]
    """`(N, h, w)` uint8, about 160x90 pixels in the video's aspect. Read-only."""
    spans: tuple[MotionSpan, ...]
    """Between two spans is a stretch of video that was not decoded: compare no frames across it."""
    outlines: OutlineTrack | None = None
    """The same stretches at the video's own rate; None if nobody made them."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 3 or self.pts_seconds.shape != self.luma.shape[:1]:
            raise ValueError(f"luma {self.luma.shape} and pts {self.pts_seconds.shape} do not match as (N, h, w), (N,)")


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """A run of sound without a gap."""

    start_seconds: float
    """Time of its first sample on the file's timeline."""
    first_sample: int
    """Index into `AudioTrack.speech`; times three into `AudioTrack.full_band`."""
    num_samples: int
    """At 16 kHz."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound twice: for models and for loudness. Both contain the same spans, one after another."""

    speech: npt.NDArray[np.float32]
    """`(N,)` float32 mono in [-1, 1] at 16 kHz. Read-only."""
    full_band: npt.NDArray[np.float32]
    """`(3 N, C)` float32 at 48 kHz, C up to 8; may exceed 1 if the source does. Read-only."""
    spans: tuple[AudioSpan, ...]
    channel_weights: tuple[float, ...] = ()
    """C weights of the channels in the loudness, by ITU-R BS.1770; 1 each if empty."""
    stereo_gains: tuple[tuple[float, float], ...] = ()
    """C shares of the channels left and right, by which more than two are mixed to one at another rate than 16 kHz."""

    def __post_init__(self) -> None:
        wanted = len(self.speech) * FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE
        if self.full_band.ndim != 2 or len(self.full_band) != wanted:
            raise ValueError(f"full-band audio is {self.full_band.shape}; wanted ({wanted}, C)")
