"""The items that added models of sound are given: each distinct input is made once for all cards that want it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from models.model_input import AudioInput
from operators.audio.log_mel import log_mel
from operators.audio.mono_sound import SoundRun, sound_runs
from operators.audio.windows import SoundWindow, windows_of
from operators.media.tracks import AudioTrack


def sound_items(track: AudioTrack, wanted: Iterable[AudioInput]) -> dict[AudioInput, tuple[SoundWindow, ...]]:
    """Return the items of each input, with the time that each stands for; sound is resampled once a rate."""
    distinct = tuple(dict.fromkeys(wanted))
    runs = {rate_hz: sound_runs(track, rate_hz) for rate_hz in {how.sample_rate_hz for how in distinct}}
    return {how: _items(runs[how.sample_rate_hz], how) for how in distinct}


def _items(runs: tuple[SoundRun, ...], how: AudioInput) -> tuple[SoundWindow, ...]:
    windows = windows_of(runs, how.sample_rate_hz, how.window_samples, how.hop_samples)
    return tuple(_item(window, how) for window in windows)


def _item(window: SoundWindow, how: AudioInput) -> SoundWindow:
    if how.log_mel is None:
        return window
    return replace(window, samples=log_mel(window.samples, how.sample_rate_hz, how.log_mel))
