"""What a card's `[input]` of sound comes to: windows of samples, or of log-mel spectrograms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from models.card_errors import refuse
from models.card_input_fields import AudioTable, LogMelTable
from models.model_input import AudioInput, LogMelInput, MelKind, MelScale

RATE_STEP_HZ: Final = 25
"""Sample rates are multiples of it: the filter that makes them from 48 kHz is then short."""
MAX_OVERLAP: Final = 16
"""Windows that one moment of sound may be in: a video has as much sound as so many of its length."""
_FIXED_SCALES: Final[dict[MelKind, MelScale]] = {"kaldi": "htk", "whisper": "slaney"}
MAX_SPECTRUM_VALUES: Final = 2**22
"""Of one item, 16 MiB of float32."""


def sound_input(given: AudioTable, path: Path) -> AudioInput:
    """Read how sound becomes items. Raises CardInvalid."""
    rate_hz = given.sample_rate_hz
    if rate_hz % RATE_STEP_HZ:
        allowed = f"a multiple of {RATE_STEP_HZ} from 4000 to 48000"
        raise refuse(path, "input.sample_rate_hz", rate_hz, allowed)
    hop_seconds = _hop_seconds(given, path)
    window, hop = (round(seconds * rate_hz) for seconds in (given.window_seconds, hop_seconds))
    log_mel = _log_mel(given, given.log_mel, window, path) if given.log_mel is not None else None
    return AudioInput(window, hop, rate_hz, log_mel)


def sound_shape(sound: AudioInput) -> tuple[int, ...]:
    """Return the shape of one item."""
    mel = sound.log_mel
    if mel is None:
        return (sound.window_samples,)
    pair = (mel.num_frames, mel.num_mels) if mel.layout == "time-mels" else (mel.num_mels, mel.num_frames)
    return (1, *pair) if mel.has_channel else pair


def _hop_seconds(given: AudioTable, path: Path) -> float:
    window, hop = given.window_seconds, given.hop_seconds or given.window_seconds
    if hop > window:
        raise refuse(path, "input.hop_seconds", hop, "at most window_seconds; sound in between would not be heard")
    if hop * MAX_OVERLAP < window:
        allowed = f"at least a {MAX_OVERLAP}th of window_seconds, {window / MAX_OVERLAP:g}"
        raise refuse(path, "input.hop_seconds", hop, allowed)
    return hop


def _log_mel(given: AudioTable, mel: LogMelTable, window: int, path: Path) -> LogMelInput:
    if given.normalise:
        raise refuse(path, "input.normalise", True, "false with log_mel, which has a mean and a std of its own")
    fft_samples = _fft_samples(mel, path)
    if window < fft_samples:  # which are at least frame_samples
        allowed = f"at most the samples of a window, {window}"
        raise refuse(path, "input.log_mel.frame_samples", fft_samples, allowed)
    lowest_hz, highest_hz = _band(given, mel, path)
    num_frames = mel.frames or _num_frames(mel, window)
    if num_frames * mel.mels > MAX_SPECTRUM_VALUES:
        allowed = f"at most {MAX_SPECTRUM_VALUES // mel.mels} with {mel.mels} mels"
        raise refuse(path, "input.log_mel.frames", num_frames, allowed)
    return LogMelInput(
        kind=mel.kind,
        num_mels=mel.mels,
        frame_samples=mel.frame_samples,
        fft_samples=fft_samples,
        hop_samples=mel.hop_samples,
        lowest_hz=lowest_hz,
        highest_hz=highest_hz,
        scale=_scale_of(mel, path),
        mean=mel.mean,
        std=mel.std,
        num_frames=num_frames,
        layout=mel.layout or ("time-mels" if mel.kind == "kaldi" else "mels-time"),
        has_channel=mel.channel,
    )


def _num_frames(mel: LogMelTable, window: int) -> int:
    """Kaldi's frames lie within the window; those of others are centred on its samples, and Whisper drops the last."""
    if mel.kind == "kaldi":
        return 1 + (window - mel.frame_samples) // mel.hop_samples
    return max(1, window // mel.hop_samples + (mel.kind != "whisper"))


def _fft_samples(mel: LogMelTable, path: Path) -> int:
    if mel.kind != "kaldi":
        found = mel.fft_samples or mel.frame_samples
        if found < mel.frame_samples:
            raise refuse(path, "input.log_mel.fft_samples", found, f"at least frame_samples, {mel.frame_samples}")
        return found
    wanted: int = 2 ** math.ceil(math.log2(mel.frame_samples))
    if mel.fft_samples not in (None, wanted):
        raise refuse(path, "input.log_mel.fft_samples", mel.fft_samples, f"{wanted}: Kaldi takes the next power of two")
    return wanted


def _band(given: AudioTable, mel: LogMelTable, path: Path) -> tuple[float, float]:
    half_hz = given.sample_rate_hz / 2
    lowest_hz = mel.lowest_hz if mel.lowest_hz is not None else 20.0 if mel.kind == "kaldi" else 0.0
    highest_hz = mel.highest_hz or half_hz
    if highest_hz > half_hz:
        raise refuse(path, "input.log_mel.highest_hz", highest_hz, f"at most half the sample rate, {half_hz:g}")
    if lowest_hz >= highest_hz:
        raise refuse(path, "input.log_mel.lowest_hz", lowest_hz, f"less than highest_hz, {highest_hz:g}")
    return lowest_hz, highest_hz


def _scale_of(mel: LogMelTable, path: Path) -> MelScale:
    fixed = _FIXED_SCALES.get(mel.kind)
    if mel.scale is None or fixed in (None, mel.scale):
        return mel.scale or fixed or "htk"
    raise refuse(path, "input.log_mel.scale", mel.scale, f"{fixed} with {mel.kind}")
