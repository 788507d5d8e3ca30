"""Creates clips in further codecs and shapes from fetched ones.

For variety, not for equal bytes: another build of the encoders writes other bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ops.assets.clip import Recipe

_SAMPLE_RATE_HZ = 48_000
_PORTRAIT_ASPECT = Fraction(9, 16)
_MUSIC_GAIN = 0.5
_INTERLEAVED = {"max_interleave_delta": "0"}
"""Hold pictures until the sound of the same time has arrived, however long that takes."""

Stereo = npt.NDArray[np.float32]
"""(2, num_samples) in [-1, 1] at 48 kHz."""


def derive_clip(recipe: Recipe, samples_dir: Path, target: Path) -> None:
    """Write the clip that a recipe describes; `target` appears complete or not at all."""
    os.environ.setdefault("SVT_LOG", "0")  # the AV1 encoder reads only this variable, and prints a page without it
    with tempfile.TemporaryDirectory(dir=samples_dir, prefix=".partial-") as folder:
        partial = Path(folder) / target.name
        with av.open(str(partial), "w", options=_INTERLEAVED) as container:
            _encode(recipe, samples_dir, container)
        partial.replace(target)


def _encode(recipe: Recipe, samples_dir: Path, container: av.container.OutputContainer) -> None:
    """Add both streams before the first packet, because the header, which that packet triggers, must contain both."""
    with av.open(str(samples_dir / recipe.video)) as source:
        rate = _whole_rate(source.streams.video[0].average_rate)
    container.add_stream(recipe.video_encoder, rate=rate, options=dict(recipe.encoder_options))
    if recipe.audio:
        container.add_stream(recipe.audio_encoder, rate=_SAMPLE_RATE_HZ, layout="stereo")
    duration_seconds = _encode_pictures(recipe, samples_dir, container, rate)
    if recipe.audio:
        _encode_sound(_mix(recipe, samples_dir, duration_seconds), container)


def _whole_rate(rate: Fraction | None) -> Fraction:
    """Round odd rates such as 4500/377 to whole ones, which every codec and container can express."""
    return Fraction(round(rate or 25))


def _encode_pictures(
    recipe: Recipe,
    samples_dir: Path,
    container: av.container.OutputContainer,
    rate: Fraction,
) -> float:
    """Encode all pictures and return their duration in seconds."""
    stream = container.streams.video[0]
    num_frames = 0
    for picture in _pictures(recipe, samples_dir):
        if num_frames == 0:
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = num_frames, 1 / rate
        container.mux(stream.encode(frame))
        num_frames += 1
    container.mux(stream.encode(None))
    return float(num_frames / rate)


def _pictures(recipe: Recipe, samples_dir: Path) -> Iterator[npt.NDArray[np.uint8]]:
    for _ in range(recipe.num_repeats):
        with av.open(str(samples_dir / recipe.video)) as source:
            for frame in source.decode(video=0):
                picture = _scaled(frame, recipe.width_px).to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                yield _cropped(picture, recipe.is_portrait)


def _scaled(frame: av.VideoFrame, width_px: int | None) -> av.VideoFrame:
    if width_px is None:
        return frame
    return frame.reformat(width=width_px, height=round(frame.height * width_px / frame.width))


def _cropped(picture: npt.NDArray[np.uint8], is_portrait: bool) -> npt.NDArray[np.uint8]:
    """Crop to even sides, which 4:2:0 needs, and to 9:16 about the centre if required."""
    height, width = (side & ~1 for side in picture.shape[:2])
    if is_portrait:
        kept = int(height * _PORTRAIT_ASPECT) & ~1
        left = (width - kept) // 2
        picture, width = picture[:, left:], kept
    return np.ascontiguousarray(picture[:height, :width])


def _mix(recipe: Recipe, samples_dir: Path, duration_seconds: float) -> Stereo:
    num_samples = round(duration_seconds * _SAMPLE_RATE_HZ)
    mix = np.zeros((2, num_samples), dtype=np.float32)
    for name, gain in ((recipe.audio, 1.0), (recipe.music, _MUSIC_GAIN)):
        if name is not None:
            sound = _sound(samples_dir / name)[:, :num_samples]
            mix[:, : sound.shape[1]] += gain * sound
    return np.clip(mix, -1.0, 1.0)


def _sound(path: Path) -> Stereo:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_SAMPLE_RATE_HZ)
    with av.open(str(path)) as source:
        frames = [piece for frame in source.decode(audio=0) for piece in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).astype(np.float32)


def _encode_sound(sound: Stereo, container: av.container.OutputContainer) -> None:
    """Resample one second at a time to the encoder's format, in frames of the encoder's size."""
    stream = container.streams.audio[0]
    fifo = av.AudioFifo()
    resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=_SAMPLE_RATE_HZ)
    for first in range(0, sound.shape[1], _SAMPLE_RATE_HZ):
        piece = np.ascontiguousarray(sound[:, first : first + _SAMPLE_RATE_HZ])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE_HZ, first, Fraction(1, _SAMPLE_RATE_HZ)
        for resampled in resampler.resample(frame):
            fifo.write(resampled)
    frame_size = stream.codec_context.frame_size or 1024
    for frame in fifo.read_many(frame_size, partial=True):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
