"""How loud a video is, as broadcasters and players measure it.

Integrated loudness after EBU R 128 and ITU-R BS.1770-4: K-weighted, gated at -70 LUFS and 10 LU below the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from operators.media.tracks import PROGRAMME_HZ

MIN_SECONDS = 0.4
"""One gating block; less has no integrated loudness."""
GATE_LUFS = -70.0
"""What never rises above it has none either."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Of a whole programme; None where there is nothing to measure."""

    integrated_lufs: float | None
    peak_dbfs: float | None
    """Largest sample; a true peak between samples may lie above it."""


def measure_loudness(programme: np.ndarray) -> Loudness:
    """Measure (N, C) float32 at 48 kHz, C in {1, 2}; may pass 1 where the source does."""
    return Loudness(integrated_lufs=_integrated_lufs(programme), peak_dbfs=_peak_dbfs(programme))


@cache
def loudness_meter() -> Any:
    """Make the meter; the first call takes seconds of imports, so a worker makes it beside its models."""
    import pyloudnorm

    return pyloudnorm.Meter(PROGRAMME_HZ)


def _integrated_lufs(programme: np.ndarray) -> float | None:
    if len(programme) < MIN_SECONDS * PROGRAMME_HZ:
        return None
    lufs = float(loudness_meter().integrated_loudness(programme))
    return lufs if lufs >= GATE_LUFS else None


def _peak_dbfs(programme: np.ndarray) -> float | None:
    peak = float(max(programme.max(initial=0.0), -programme.min(initial=0.0)))
    return 20.0 * math.log10(peak) if peak > 0.0 else None
