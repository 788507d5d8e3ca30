"""Weight of each channel of a sound: in the loudness, and in the mono signal for the models.

Loudness by ITU-R BS.1770-4: channels behind and at the sides of the listener count 1.41 times, the low-frequency
channel does not count. The models get every channel, including that one, so that nothing can be hidden in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from av.audio.layout import AudioLayout

SURROUND_WEIGHT: Final = 1.41
LOW_FREQUENCY: Final = frozenset(("LFE", "LFE2"))
SURROUND: Final = frozenset(("BL", "BR", "BC", "SL", "SR", "TBL", "TBC", "TBR", "SDL", "SDR"))
"""FFmpeg's names of channels behind and at the sides of the listener."""

_HALF: Final = 0.5**0.5
_UNNAMED: Final[dict[int, tuple[str, ...]]] = {
    1: ("FC",),
    2: ("FL", "FR"),
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""Assumed names of channels without names, by their number, in the order of WAV and FLAC."""


def channel_names(layout: AudioLayout) -> tuple[str, ...]:
    """Return FFmpeg's names, in order; for channels without names the usual ones of that number."""
    names = tuple(channel.name for channel in layout.channels)
    if len(set(names)) == len(names) and not _is_unnamed(names):
        return names
    return _UNNAMED.get(len(names)) or tuple("FL" if number % 2 == 0 else "FR" for number in range(len(names)))


def kept_names(num_channels: int, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the `num_channels` channels of a plan, for a sound with the channels `names`."""
    return tuple(names) if len(names) == num_channels else _UNNAMED[num_channels]


def loudness_weights(names: Sequence[str]) -> tuple[float, ...]:
    """Return the weight of each channel's power in the loudness."""
    return tuple(0.0 if name in LOW_FREQUENCY else SURROUND_WEIGHT if name in SURROUND else 1.0 for name in names)


def stereo_gains(names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return `(C, 2)`: each channel's share left and right, for a mix to two.

    As in players, except for the low-frequency channel, which they leave out.
    """
    return np.array([_sides(name) for name in names], np.float32)


def conversion(names: Sequence[str], wanted: Sequence[str]) -> npt.NDArray[np.float32] | None:
    """Return `(C, W)`: each channel's share in each wanted one; None if they are the same."""
    if tuple(names) == tuple(wanted):
        return None
    matrix = np.zeros((len(names), len(wanted)), np.float32)
    for row, name in enumerate(names):
        if name in wanted:
            matrix[row, list(wanted).index(name)] = 1.0
            continue
        left, right = _sides(name)
        if "FL" in wanted and "FR" in wanted:
            matrix[row, list(wanted).index("FL")], matrix[row, list(wanted).index("FR")] = left, right
        else:
            matrix[row, 0] = (left + right) * _HALF
    return matrix


def _is_unnamed(names: Sequence[str]) -> bool:
    return any(name in ("NONE", "UNK", "UNSD") for name in names)


def _sides(name: str) -> tuple[float, float]:
    if name in LOW_FREQUENCY:
        return 0.5, 0.5
    gain = 1.0 if name in ("FL", "FR") else _HALF
    if name.endswith("L") or name == "FLC":
        return gain, 0.0
    if name.endswith("R") or name == "FRC":
        return 0.0, gain
    return _HALF, _HALF
