"""Converts pictures of a high dynamic range or a wide gamut to a standard display. Decoder process only.

Models, hashes and thresholds expect the colours of ITU-R BT.709. PQ and HLG (ITU-R BT.2100) interpreted as such look
pale and grey: harmless pictures then score as nudity. So such pictures are converted to light, to the primaries of
BT.709, and to the codes of a standard display, before any analysis.

Parts that are no brighter than diffuse white stay exactly as in a standard master. Brighter parts are rolled off (the
EETF of ITU-R BT.2390), from the picture's own peak on, so that nothing can hide in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc

Light = npt.NDArray[np.float32]

WHITE_NITS: Final = 203.0
"""Diffuse white of PQ and HLG in cd/m2, by ITU-R BT.2408; 1.0 in all light here."""
PQ_PEAK_NITS: Final = 10_000.0
HLG_PEAK_NITS: Final = 1_000.0
"""Of the display that HLG's system gamma of 1.2 belongs to, by ITU-R BT.2100."""
HLG_GAMMA: Final = 1.2
SCREEN_GAMMA: Final = 2.4
"""ITU-R BT.1886."""
STEADY_PEAK: Final = HLG_PEAK_NITS / WHITE_NITS
"""Peak for pictures that are compared with each other: with individual peaks, each highlight would change all of
them."""
ROLL_OFF_STEPS: Final = 4_096
PEAK_SHARE: Final = 0.9995
"""Share of a picture's points that are below its peak: single points are noise of the codec."""

SHADOW_SHARE: Final = 0.1
BRIGHT_SHADOW: Final = 0.25
"""A picture of which at most that share is darker than this light is bright everywhere."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
"""Constants of PQ, SMPTE ST 2084."""
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

_TO_BT709: Final = {
    int(ColorPrimaries.BT2020): np.array(
        [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
        np.float32,
    ),
    int(ColorPrimaries.SMPTE432): np.array(
        [[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]], np.float32
    ),
}
"""Linear light of wide primaries in those of BT.709: ITU-R BT.2087 for BT.2020, the same computation for Display P3."""
_HIGH_RANGE: Final = (int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67))


@dataclass(frozen=True, slots=True)
class Colours:
    """Meaning of a picture's codes, in the numbers of ITU-T H.273."""

    transfer: int
    primaries: int

    @property
    def are_standard(self) -> bool:
        """Whether a standard display shows the codes correctly."""
        return self.transfer not in _HIGH_RANGE and self.primaries not in _TO_BT709


def colours_of(picture: VideoFrame | VideoCodecContext) -> Colours:
    """Return the colours of a picture or its stream; unspecified values of a high range are BT.2020."""
    transfer, primaries = int(picture.color_trc), int(picture.color_primaries)
    is_open = transfer in _HIGH_RANGE and primaries == ColorPrimaries.UNSPECIFIED
    return Colours(transfer, int(ColorPrimaries.BT2020) if is_open else primaries)


def on_screen(codes: npt.NDArray[np.uint16], colours: Colours, *, peak: float | None = None) -> npt.NDArray[np.uint8]:
    """Return RGB of a standard display.

    Args:
        codes: `(H, W, 3)` RGB, full range, of 16 bits.
        colours: their meaning.
        peak: light of the brightest point, 1.0 is diffuse white; None determines it from the picture.
    """
    light = _light(np.ascontiguousarray(codes.reshape(-1, 3).T), colours)
    matrix = _TO_BT709.get(colours.primaries)
    if matrix is not None:
        light = np.stack([np.maximum(_weighted(light, row), np.float32(0)) for row in matrix])
    if colours.transfer in _HIGH_RANGE:
        _roll_off(light, peak)
    return np.ascontiguousarray(_screen_codes()[_indices(light)].T).reshape(codes.shape)


def screen_luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return `(H, W)` of `(H, W, 3)` RGB, with the weights of BT.601, as FFmpeg computes luma of standard pictures."""
    return np.rint(_weighted(np.moveaxis(pixels, 2, 0).astype(np.float32), _LUMA)).astype(np.uint8)


def _weighted(planes: Light, weights: Light) -> Light:
    """Compute plane by plane: matrix multiplication of three columns costs ten times as much."""
    weighted: Light = weights[0] * planes[0] + weights[1] * planes[1] + weights[2] * planes[2]
    return weighted


def _light(codes: npt.NDArray[np.uint16], colours: Colours) -> Light:
    """`(3, N)`."""
    light: Light = _light_of_codes(colours.transfer).take(codes)
    if colours.transfer == ColorTrc.ARIB_STD_B67:
        light *= _weighted(light, _BT2020_LUMINANCE) ** np.float32(HLG_GAMMA - 1) * np.float32(STEADY_PEAK)
    return light


@cache
def _light_of_codes(transfer: int) -> Light:
    """Return the light of each 16-bit code; for HLG it is the scene's, from 0 to 1, because its display gamma combines
    the three colours."""
    codes = np.arange(65_536) / 65_535
    if transfer == ColorTrc.SMPTE2084:
        light = _pq_light(codes)
    elif transfer == ColorTrc.ARIB_STD_B67:
        light = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    else:
        light = codes**SCREEN_GAMMA
    return light.astype(np.float32)


@cache
def _screen_codes() -> npt.NDArray[np.uint8]:
    """Return display codes by the square root of light, in 4,096 steps: equal steps of light would be too coarse in the
    dark."""
    roots = np.arange(4_096) / 4_095
    return np.rint(255 * roots ** (2 / SCREEN_GAMMA)).astype(np.uint8)


def _indices(light: Light) -> npt.NDArray[np.intp]:
    return np.rint(np.sqrt(np.minimum(light, np.float32(1))) * np.float32(4_095)).astype(np.intp)


def _roll_off(light: Light, peak: float | None) -> None:
    """Reduce light above white, in place.

    The three colours of a point by the same factor, so that hues stay.
    """
    brightest = np.maximum(np.maximum(light[0], light[1]), light[2])
    exposure = 1.0
    if peak is None:
        peak, exposure = _peak_and_exposure(brightest)
    if peak * exposure <= 1 and exposure == 1:
        return
    places = np.sqrt(np.minimum(brightest / np.float32(peak), np.float32(1))) * np.float32(ROLL_OFF_STEPS - 1)
    light *= np.interp(places, np.arange(ROLL_OFF_STEPS), _factors(peak * exposure)).astype(np.float32)
    light *= np.float32(exposure)


def _peak_and_exposure(brightest: Light) -> tuple[float, float]:
    """Return those of one picture. The eye adapts to a picture that is bright everywhere: it is darkened until its peak
    or its shadows fit."""
    places = [int(len(brightest) * share) for share in (SHADOW_SHARE, PEAK_SHARE)]
    parts = np.partition(brightest, places)
    shadow, peak = (float(parts[place]) for place in places)
    if peak <= 1:
        return peak, 1.0
    return peak, min(1.0, max(BRIGHT_SHADOW / max(shadow, 1e-6), 1 / peak))


def _factors(peak: float) -> Light:
    """Return the factors of light, by the square root of its share of the peak."""
    if peak <= 1:
        return np.ones(ROLL_OFF_STEPS, np.float32)
    light = np.linspace(0, 1, ROLL_OFF_STEPS)[1:] ** 2 * peak
    factors = np.minimum(_eetf(light, peak) / light, 1)
    return np.concatenate(([1.0], factors)).astype(np.float32)


def _eetf(light: npt.NDArray[np.float64], peak: float) -> npt.NDArray[np.float64]:
    """ITU-R BT.2390, 5.4.1: above a knee a Hermite spline that ends at white."""
    top = _pq_code(peak)
    white, code = _pq_code(1.0) / top, _pq_code(light) / top
    knee = 1.5 * white - 0.5
    t = np.clip((code - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return np.where(t <= 0, light, _pq_light(spline * top))


def _pq_light(code: npt.ArrayLike) -> npt.NDArray[np.float64]:
    root = np.asarray(code, np.float64) ** (1 / _M2)
    return np.asarray((np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1) * PQ_PEAK_NITS / WHITE_NITS)


def _pq_code(light: npt.ArrayLike) -> npt.NDArray[np.float64]:
    power = (np.asarray(light, np.float64) * WHITE_NITS / PQ_PEAK_NITS) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)
