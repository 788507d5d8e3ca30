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
from operators.motion.transitions import ShotChange

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
MAX_SIMILARITY = 0.8
"""Correlation of the ends."""
MIN_CHANGED_RATIO = 0.6
"""Share of the blocks in which the ends differ by a tenth of their mean difference: an object covers less."""
MIN_SETTLED_RATIO = 0.8
"""Share of blocks and pictures that show one of the ends, not something between."""
SETTLED = (0.2, 0.8)
MIN_ORDER = 0.75
"""Share of the variance of the times that a direction explains."""
MIN_SPREAD = 0.15
"""Standard deviation of the times, as share of the time between the ends."""
MAX_OFF_LINE = 0.36
"""Mean distance of blocks from both ends, as share of the ends' distance."""
MAX_STEPS_BACK = 0.3
"""A block shows the new picture from its time on: sum of its returns."""
RETURN_SECONDS = 1.0
"""An object that passes is gone after this time."""
RETURN_SIMILARITY = 0.8
"""Correlation from which the old picture counts as back."""
_WINDOW = 48
"""First ends that are compared in one step."""


@dataclass(frozen=True, slots=True)
class WipeFit:
    """Two pictures between which one replaces the other; begin and end as share of the time between them."""

    first: int
    last: int
    quality: float
    begin: float
    end: float


def wipes(seconds: np.ndarray, luma: np.ndarray) -> list[ShotChange]:
    """Return the wipes of a stretch without cuts; arguments as of `dissolves`."""
    chosen = thinned(seconds, WIPE_HZ)
    times, pictures = seconds[chosen], luma[chosen].astype(np.float32)
    kept: list[WipeFit] = []
    for fit in sorted(_fits(times, pictures), key=lambda each: -each.quality):
        if all(fit.last <= other.first or fit.first >= other.last for other in kept):
            kept.append(fit)
    return [_change(seconds, times, fit) for fit in sorted(kept, key=lambda each: each.first)]


def _change(seconds: np.ndarray, times: np.ndarray, fit: WipeFit) -> ShotChange:
    start, length = float(times[fit.first]), float(times[fit.last] - times[fit.first])
    return change_between("wipe", seconds, start + fit.begin * length, start + fit.end * length)


def _fits(times: np.ndarray, pictures: np.ndarray) -> Iterator[WipeFit]:
    flat = pictures.reshape(len(pictures), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1) + 1e-3
    pairs = _unlike_pairs(times, centred, norms)
    for start in range(0, len(times), _WINDOW):
        chosen = pairs[(pairs[:, 0] >= start) & (pairs[:, 0] < start + _WINDOW)]
        if not len(chosen):
            continue
        stop = int(chosen[:, 1].max()) + 1
        window = _Window(start, times[start:stop], pictures[start:stop], _block_products(pictures[start:stop]))
        yield from (fit for fit in window.fits(chosen - start) if not _returns(times, centred, norms, fit))


def _unlike_pairs(times: np.ndarray, centred: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Return (N, 2): the first and last picture of all pairs that show different things."""
    found = [np.zeros((0, 2), np.int64)]
    for reach in WIPE_SECONDS:
        firsts, lasts = _ends(times, reach)
        similarity = np.einsum("np,np->n", centred[firsts], centred[lasts]) / (norms[firsts] * norms[lasts])
        is_other = similarity <= MAX_SIMILARITY
        found.append(np.stack([firsts[is_other], lasts[is_other]], axis=1))
    return np.concatenate(found)


def _ends(times: np.ndarray, reach_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of pairs of pictures at about that distance, without gaps in the pictures between."""
    firsts = np.arange(0, len(times), STRIDE)
    lasts = np.searchsorted(times, times[firsts] + reach_seconds - 0.5 / WIPE_HZ)
    firsts, lasts = firsts[lasts < len(times)], lasts[lasts < len(times)]
    is_dense = (lasts - firsts >= MIN_STEPS) & (times[lasts] - times[firsts] <= 1.5 * reach_seconds)
    return firsts[is_dense], lasts[is_dense]


def _returns(times: np.ndarray, centred: np.ndarray, norms: np.ndarray, fit: WipeFit) -> bool:
    """Return whether something from before appears again soon after, as when an object passes."""
    after = int(np.searchsorted(times, times[fit.last] + RETURN_SECONDS))
    before = int(np.searchsorted(times, times[fit.first] - RETURN_SECONDS))
    earlier, later = slice(before, fit.first + 1), slice(fit.last, after)
    products = centred[earlier] @ centred[later].T
    return bool((products >= RETURN_SIMILARITY * norms[earlier, None] * norms[None, later]).any())


@dataclass(frozen=True, slots=True)
class _Window:
    """Some pictures in succession."""

    start: int
    """Index of the first one."""
    times: np.ndarray
    pictures: np.ndarray
    products: np.ndarray
    """(B, N, N): see `_block_products`."""

    def fits(self, pairs: np.ndarray) -> Iterator[WipeFit]:
        """Return the wipes between pairs of its pictures, (P, 2) by their places in the window."""
        firsts, lasts = pairs.T
        power = np.diagonal(self.products, axis1=1, axis2=2)
        squared = power[:, lasts] + power[:, firsts] - 2 * self.products[:, firsts, lasts] + 1e-3
        is_changed = squared > squared.mean(axis=0) * 0.1
        is_other = (is_changed.mean(axis=0) >= MIN_CHANGED_RATIO) & self._are_distant(firsts, lasts)
        for steps in np.unique((lasts - firsts)[is_other]):
            chosen = is_other & (lasts - firsts == steps)
            yield from self._of_length(firsts[chosen], int(steps), squared[:, chosen], is_changed[:, chosen])

    def _are_distant(self, firsts: np.ndarray, lasts: np.ndarray) -> np.ndarray:
        distances = np.abs(self.pictures[lasts] - self.pictures[firsts]).mean(axis=(1, 2))
        return np.asarray(distances >= MIN_DISTANCE_LEVELS)

    def _of_length(
        self, firsts: np.ndarray, steps: int, squared: np.ndarray, is_changed: np.ndarray
    ) -> Iterator[WipeFit]:
        """Return the wipes among pairs (P,) with as many steps; blocks (B, P), and (B, T, P) with pictures between."""
        places, off = self._positions(firsts, steps, squared)
        num_changed = is_changed.sum(axis=0)
        is_settled = ((places < SETTLED[0]) | (places > SETTLED[1])).mean(axis=1)
        bounded = places.clip(0, 1)
        steps_back = -np.diff(bounded, axis=1).clip(None, 0).sum(axis=1)
        is_wipe = (
            ((is_settled * is_changed).sum(axis=0) >= MIN_SETTLED_RATIO * num_changed)
            & ((off.clip(0, 2).mean(axis=1) * is_changed).sum(axis=0) <= MAX_OFF_LINE * num_changed)
            & ((steps_back * is_changed).sum(axis=0) <= MAX_STEPS_BACK * num_changed)
        )
        for pair in np.flatnonzero(is_wipe):
            first = int(firsts[pair])
            switched = self._switched(first, steps, bounded[:, :, pair])
            fit = _ordered(self.start + first, self.start + first + steps, switched, is_changed[:, pair])
            if fit is not None:
                yield fit

    def _positions(self, firsts: np.ndarray, steps: int, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where each block is between its ends, 0 to 1, and how far from the line between them."""
        between, lasts = firsts[None, :] + np.arange(1, steps)[:, None], firsts + steps
        to_first = self.products[:, between, firsts]
        power = np.diagonal(self.products, axis1=1, axis2=2)
        first_power = power[:, None, firsts]
        along = self.products[:, between, lasts] - to_first - self.products[:, None, firsts, lasts] + first_power
        places = along / squared[:, None]
        squared_off = power[:, between] - 2 * to_first + first_power - places * along
        return places, np.sqrt(np.maximum(squared_off, 0) / squared[:, None])

    def _switched(self, first: int, steps: int, places: np.ndarray) -> np.ndarray:
        """Return (B,): when each block shows the new picture, as share of the time between the ends."""
        times = self.times[first : first + steps + 1]
        lengths = (times[2:] - times[:-2]) / 2
        return np.asarray((1 - places) @ (lengths / lengths.sum()))


def _ordered(first: int, last: int, times: np.ndarray, is_changed: np.ndarray) -> WipeFit | None:
    """Return the wipe if the blocks' times, as shares of the whole, grow in one direction."""
    spread = float(times[is_changed].std())
    if spread < MIN_SPREAD:
        return None
    rows, columns = np.mgrid[0:GRID, 0:GRID] / (GRID - 1)
    places = np.stack([np.ones(GRID * GRID), columns.ravel(), rows.ravel()], axis=1)
    slopes = np.linalg.lstsq(places[is_changed], times[is_changed], rcond=None)[0]
    fitted = places @ slopes
    order = 1.0 - float(((fitted - times)[is_changed] ** 2).mean()) / spread**2
    if order < MIN_ORDER:
        return None
    begin, end = float(fitted.min()), float(fitted.max())
    return WipeFit(first, last, order * spread * float(is_changed.mean()), max(0.0, begin), min(1.0, end))


def _block_products(pictures: np.ndarray) -> np.ndarray:
    """Return (GRID * GRID, N, N): inner products, block by block, of any two of (N, h, w) pictures."""
    by_block = _blocks(pictures - pictures.mean(axis=0))
    return np.asarray(by_block @ by_block.transpose(0, 2, 1))


def _blocks(pictures: np.ndarray) -> np.ndarray:
    """Return (GRID * GRID, N, p): the pixels of each block, and zeros where it has fewer than others."""
    num_pictures, height, width = pictures.shape
    rows, columns = _padded(height), _padded(width)
    padded = np.pad(pictures, ((0, 0), (0, 1), (0, 1)))
    blocks = padded[:, rows[:, :, None, None], columns]
    return np.asarray(blocks.transpose(1, 3, 0, 2, 4).reshape(GRID * GRID, num_pictures, -1))


def _padded(length: int) -> np.ndarray:
    """Return (GRID, n): the places of each block along a side; `length` stands for none."""
    bounds = np.arange(GRID + 1) * length // GRID
    places = bounds[:-1, None] + np.arange(np.diff(bounds).max(initial=1))
    return np.where(places < bounds[1:, None], places, length)
