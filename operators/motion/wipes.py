"""Wipes: the new picture replaces the old one region by region, along a boundary that moves across the picture.

Of two pictures up to about a second apart, each block of those in between shows the old one until a time and the new
one from then on. In a wipe these times are spread over the change, and grow evenly in one direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from operators.motion.dissolves import change_between
from operators.motion.thinning import thinned
from operators.motion.transitions import Change

WIPE_HZ = 25.0
WIPE_SECONDS = (0.32, 0.48, 0.72, 1.12)
"""Distances of the two ends."""
MIN_STEPS = 4
"""Pictures from one end to the other; with fewer no order can be seen."""
STRIDE = 2
"""Pictures from one first end to the next."""
GRID = 8
"""Blocks along each side."""
MIN_DISTANCE_LEVELS = 5.0
"""Mean difference of the ends, of 255."""
MAX_LIKENESS = 0.8
"""Correlation of the ends."""
MIN_CHANGED_RATIO = 0.6
"""Share of the blocks in which the ends differ by a tenth of their mean difference: an object covers less."""
MIN_SETTLED_RATIO = 0.8
"""Share of blocks and pictures that show one of the ends, not something between."""
SETTLED = (0.2, 0.8)
MIN_ORDER = 0.65
"""Share of the variance of the times that a direction explains."""
MIN_SPREAD = 0.15
"""Standard deviation of the times, as share of the time between the ends."""
MAX_OFF_LINE = 0.36
"""Mean distance of blocks from both ends, as share of the ends' distance."""
MAX_STEPS_BACK = 0.3
"""A block shows the new picture from its time on: sum of its returns."""
RETURN_SECONDS = 1.0
"""An object that passes is gone after this time."""
RETURN_LIKENESS = 0.8
"""Correlation from which the old picture counts as back."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Two pictures between which one replaces the other; begin and end as share of the time between them."""

    first: int
    last: int
    quality: float
    begin: float
    end: float


def wipes(seconds: np.ndarray, luma: np.ndarray) -> list[Change]:
    """Return the wipes of a stretch without cuts; arguments as of `dissolves`."""
    chosen = thinned(seconds, WIPE_HZ)
    times, pictures = seconds[chosen], luma[chosen].astype(np.float32)
    kept: list[Sweep] = []
    for sweep in sorted(_sweeps(times, pictures), key=lambda each: -each.quality):
        if all(sweep.last <= other.first or sweep.first >= other.last for other in kept):
            kept.append(sweep)
    return [_change(seconds, times, sweep) for sweep in sorted(kept, key=lambda each: each.first)]


def _change(seconds: np.ndarray, times: np.ndarray, sweep: Sweep) -> Change:
    start, length = float(times[sweep.first]), float(times[sweep.last] - times[sweep.first])
    return change_between("wipe", seconds, start + sweep.begin * length, start + sweep.end * length)


def _sweeps(times: np.ndarray, pictures: np.ndarray) -> Iterator[Sweep]:
    flat = pictures.reshape(len(pictures), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1) + 1e-3
    for reach in WIPE_SECONDS:
        firsts, lasts = _ends(times, reach)
        likeness = np.einsum("np,np->n", centred[firsts], centred[lasts]) / (norms[firsts] * norms[lasts])
        is_other = likeness <= MAX_LIKENESS
        for first, last in zip(firsts[is_other], lasts[is_other], strict=True):
            sweep = _sweep(times, pictures, int(first), int(last))
            if sweep is not None and not _returns(times, centred, norms, sweep):
                yield sweep


def _ends(times: np.ndarray, reach_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of pairs of pictures at about that distance, without gaps in the pictures between."""
    firsts = np.arange(0, len(times), STRIDE)
    lasts = np.searchsorted(times, times[firsts] + reach_seconds - 0.5 / WIPE_HZ)
    firsts, lasts = firsts[lasts < len(times)], lasts[lasts < len(times)]
    is_dense = (lasts - firsts >= MIN_STEPS) & (times[lasts] - times[firsts] <= 1.5 * reach_seconds)
    return firsts[is_dense], lasts[is_dense]


def _returns(times: np.ndarray, centred: np.ndarray, norms: np.ndarray, sweep: Sweep) -> bool:
    """Return whether something from before appears again soon after, as when an object passes."""
    after = int(np.searchsorted(times, times[sweep.last] + RETURN_SECONDS))
    before = int(np.searchsorted(times, times[sweep.first] - RETURN_SECONDS))
    earlier, later = slice(before, sweep.first + 1), slice(sweep.last, after)
    products = centred[earlier] @ centred[later].T
    return bool((products >= RETURN_LIKENESS * norms[earlier, None] * norms[None, later]).any())


def _sweep(times: np.ndarray, pictures: np.ndarray, first: int, last: int) -> Sweep | None:
    """Return the wipe between two pictures, if there is one."""
    old, new = pictures[first], pictures[last]
    ahead, so_far = new - old, pictures[first + 1 : last] - old
    if float(np.abs(ahead).mean()) < MIN_DISTANCE_LEVELS:
        return None
    squared = _blocks(ahead * ahead) + 1e-3
    is_changed = squared > squared.mean() * 0.1
    if is_changed.mean() < MIN_CHANGED_RATIO:
        return None
    along = _blocks(so_far * ahead)
    places = along / squared
    is_settled = (places < SETTLED[0]) | (places > SETTLED[1])
    if is_settled[:, is_changed].mean() < MIN_SETTLED_RATIO:
        return None
    off = np.sqrt(np.maximum(_blocks(so_far * so_far) - places * along, 0) / squared)
    bounded = places.clip(0, 1)
    steps_back = -np.diff(bounded, axis=0).clip(None, 0).sum(axis=0)[is_changed].mean()
    if off.clip(0, 2)[:, is_changed].mean() > MAX_OFF_LINE or steps_back > MAX_STEPS_BACK:
        return None
    lengths = (times[first + 2 : last + 1] - times[first : last - 1]) / 2
    switched = np.tensordot(lengths / lengths.sum(), 1 - bounded, axes=1)
    return _ordered(first, last, switched, is_changed)


def _ordered(first: int, last: int, times: np.ndarray, is_changed: np.ndarray) -> Sweep | None:
    """Return the wipe if the blocks' times, as shares of the whole, grow in one direction."""
    spread = float(times[is_changed].std())
    if spread < MIN_SPREAD:
        return None
    rows, columns = np.mgrid[0:GRID, 0:GRID] / (GRID - 1)
    places = np.stack([np.ones(GRID * GRID), columns.ravel(), rows.ravel()], axis=1)
    kept = is_changed.ravel()
    slopes = np.linalg.lstsq(places[kept], times.ravel()[kept], rcond=None)[0]
    fitted = places @ slopes
    order = 1.0 - float(((fitted - times.ravel())[kept] ** 2).mean()) / spread**2
    if order < MIN_ORDER:
        return None
    begin, end = float(fitted.min()), float(fitted.max())
    return Sweep(first, last, order * spread * float(is_changed.mean()), max(0.0, begin), min(1.0, end))


def _blocks(pixels: np.ndarray) -> np.ndarray:
    """Return (..., GRID, GRID): sums over blocks of (..., h, w)."""
    height, width = pixels.shape[-2:]
    rows, columns = np.arange(GRID) * height // GRID, np.arange(GRID) * width // GRID
    return np.asarray(np.add.reduceat(np.add.reduceat(pixels, rows, axis=-2), columns, axis=-1))
