"""Reads and writes sound files: 16 kHz mono."""

from __future__ import annotations

import wave
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

RATE_HZ: Final = 16_000
LONGEST_SECONDS: Final = 60
"""What follows in a file is not read."""

Samples = npt.NDArray[np.float32]


@lru_cache(maxsize=64)
def read_sound(path: Path) -> Samples:
    """Return the first minute of a file, mono."""
    resampler = AudioResampler("flt", "mono", RATE_HZ)
    pieces: list[Samples] = []
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        for frame in container.decode(audio=0):
            pieces += [found.to_ndarray()[0] for found in resampler.resample(frame)]
            if sum(map(len, pieces)) >= LONGEST_SECONDS * RATE_HZ:
                break
    return np.concatenate(pieces)[: LONGEST_SECONDS * RATE_HZ].astype(np.float32)


def resampled(samples: Samples, rate_hz: int) -> Samples:
    """Return (N,) at another rate as (M,) at 16 kHz."""
    import torch
    from torchaudio.functional import resample

    found: Samples = resample(torch.from_numpy(samples), rate_hz, RATE_HZ).numpy()
    return found


def write_sound(samples: Samples, target: Path) -> None:
    """Write 16 bits a sample; values beyond 1 are clipped."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
