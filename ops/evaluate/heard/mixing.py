"""Puts sounds together, at known levels and times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ops.evaluate.heard.decoding import RATE_HZ, Samples
from ops.evaluate.heard.generated import Random, seconds_of

SPEECH_DBFS: Final = -23.0
FAINT_DBFS: Final = -62.0
"""Of the noise around sounds that stand alone: below what counts as silence."""
_PEAK: Final = 0.5
_LONGEST_EVENT_SECONDS: Final = 6.0
_BLOCK: Final = seconds_of(0.01)
_BELOW_PEAK_DB: Final = 40.0
"""Blocks of a voice that are fainter than the loudest by more are a pause."""
_MIN_PAUSE_BLOCKS: Final = 25
"""A quarter of a second; shorter pauses belong to the words."""


def level_dbfs(samples: Samples) -> float:
    """Return the root mean square in dB below full scale."""
    return float(10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))), 1e-20)))


def at_level(samples: Samples, dbfs: float) -> Samples:
    """Return the sound at a level."""
    return np.asarray(samples * 10 ** ((dbfs - level_dbfs(samples)) / 20), np.float32)


def lasting(samples: Samples, seconds: float) -> Samples:
    """Return the sound repeated or cut."""
    return np.resize(samples, seconds_of(seconds))


def piece_of(samples: Samples, seconds: float, random: Random) -> Samples:
    """Return a piece from anywhere, or the sound repeated."""
    spare = len(samples) - seconds_of(seconds)
    start = int(random.integers(spare)) if spare > 0 else 0
    return lasting(samples[start:], seconds)


def spoken(sentences: Sequence[Samples], seconds: float, random: Random) -> Samples:
    """Return sentences with pauses of up to a second, at the level of speech; what is too long is cut."""
    pieces: list[Samples] = []
    for sentence in sentences:
        pieces += [np.zeros(int(random.uniform(0.1, 1.0) * RATE_HZ), np.float32), at_level(sentence, SPEECH_DBFS)]
    return lasting(np.concatenate(pieces), seconds)


def voice_ratio(voice: Samples) -> float:
    """Return the share of time in which a voice without anything else is heard."""
    blocks = np.square(voice[: len(voice) // _BLOCK * _BLOCK].reshape(-1, _BLOCK), dtype=np.float64).mean(axis=1)
    is_loud = blocks > blocks.max() * 10 ** (-_BELOW_PEAK_DB / 10)
    loud = np.flatnonzero(is_loud)
    gaps = np.diff(loud) - 1
    return float((len(loud) + gaps[gaps < _MIN_PAUSE_BLOCKS].sum()) / len(blocks))


def alone(event: Samples, random: Random, background: Samples | None = None, below_db: float = 6.0) -> Samples:
    """Return one sound at any time within faint noise, at least 4 s.

    Args:
        event: the sound; its first seconds are taken.
        random: draws the time and the noise.
        background: what is heard all the time instead of the noise.
        below_db: by how much its level is below that of the sound.
    """
    cut = event[: seconds_of(_LONGEST_EVENT_SECONDS)]
    loud = np.asarray(cut / max(float(np.abs(cut).max()), 1e-6) * _PEAK, np.float32)
    seconds = max(len(loud) / RATE_HZ + 2.0, 4.0)
    noise = random.standard_normal(seconds_of(seconds)).astype(np.float32)
    found = at_level(noise, FAINT_DBFS) if background is None else _under(loud, lasting(background, seconds), below_db)
    start = int(random.integers(0, len(found) - len(loud)))
    found[start : start + len(loud)] += loud
    return found


def _under(loud: Samples, background: Samples, below_db: float) -> Samples:
    return at_level(background, level_dbfs(loud) - below_db)
