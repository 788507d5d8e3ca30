"""Picks the few pictures of a video in which text is looked for. Decoder process only.

Text has many strong strokes close together, in rows with quiet rows above or below. A picture is cut into cells;
a cell counts if enough edges in it go up and as many go down, from left to right, if its neighbours on both sides
count, too, and if it is not in the middle of a high block of such cells, as grass and gravel are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

CELL_HEIGHT_PX: Final = 8
CELL_WIDTH_PX: Final = 16
STRONG_STEP: Final = 150
"""From one pixel to the next, of the sum of three colours of 255 each."""
WEAK_STEP: Final = 60
MIN_EDGES: Final = 4
"""In each direction, of a cell."""
QUIET_ROWS: Final = 3
"""A cell counts if the cell so many rows above or below it does not."""
MIN_CELLS: Final = 3
"""With fewer a picture probably has no text: it is kept only if no other one is."""
ALIKE_RATIO: Final = 0.5
"""Of the strokes of the picture with fewer: if so many are at the same places, both show a text in common."""
FURTHER_RATIO: Final = 0.2
"""Of the cells of the picture with more: if more are without a counterpart, it shows a further text."""
MUCH_MORE: Final = 1.5
"""Of two pictures without such cells, the later one is kept only if it has so many times the weak edges."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TextTrace:
    """What looks like text in a picture."""

    cells: npt.NDArray[np.bool_]
    """(rows, columns): those that look like text."""
    strokes: npt.NDArray[np.bool_]
    """(H, W): the strong edges in these cells."""
    num_edges: int
    """Weak edges, in the whole picture."""

    @property
    def num_cells(self) -> int:
        """How many cells look like text."""
        return int(np.count_nonzero(self.cells))

    def is_alike(self, other: TextTrace) -> bool:
        """Whether both show the same text at the same place, and neither of them a further one: what flashes up next to
        a caption is not hidden by it."""
        if self.strokes.shape != other.strokes.shape:
            return False
        fewer = min(np.count_nonzero(self.strokes), np.count_nonzero(other.strokes))
        has_common = np.count_nonzero(self.strokes & other.strokes) >= ALIKE_RATIO * fewer
        return bool(has_common and not self._has_further(other) and not other._has_further(self))

    def _has_further(self, other: TextTrace) -> bool:
        further = np.count_nonzero(self.cells & ~_widened(other.cells))
        return bool(further >= max(MIN_CELLS, FURTHER_RATIO * max(self.num_cells, other.num_cells)))


def text_trace(pixels: Pixels) -> TextTrace:
    """Return what looks like text in (H, W, 3) uint8 RGB with a shorter side of about 256."""
    light = np.add(pixels[:, :, 0], pixels[:, :, 1], dtype=np.int16)
    light += pixels[:, :, 2]
    steps = light[:, 1:] - light[:, :-1]
    rows, columns = steps.shape[0] // CELL_HEIGHT_PX, steps.shape[1] // CELL_WIDTH_PX
    steps = steps[: rows * CELL_HEIGHT_PX, : columns * CELL_WIDTH_PX]
    upward, downward = steps > STRONG_STEP, steps < -STRONG_STEP
    busy = np.minimum(_per_cell(upward), _per_cell(downward)) >= MIN_EDGES
    cells = _in_rows(busy) & _next_to_quiet(busy)
    strokes = upward & _spread(cells) if cells.any() else np.zeros_like(upward)
    return TextTrace(cells, strokes, int(np.count_nonzero(steps > WEAK_STEP)))


def _spread(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return whether each pixel is in one of these cells."""
    return np.repeat(np.repeat(cells, CELL_HEIGHT_PX, axis=0), CELL_WIDTH_PX, axis=1)


def _per_cell(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return the number of marks in each cell, which has fewer than 256 pixels; row by row, which is quick."""
    height, width = marks.shape
    rows = marks.view(np.uint8).reshape(height // CELL_HEIGHT_PX, CELL_HEIGHT_PX, width).sum(axis=1, dtype=np.uint8)
    return np.asarray(rows.reshape(len(rows), width // CELL_WIDTH_PX, CELL_WIDTH_PX).sum(axis=2, dtype=np.uint8))


def _in_rows(busy: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(busy, ((0, 0), (1, 1)))
    return np.asarray(padded[:, :-2] & busy & padded[:, 2:])


def _next_to_quiet(busy: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(busy, ((QUIET_ROWS, QUIET_ROWS), (0, 0)))
    return np.asarray(~padded[: -2 * QUIET_ROWS] | ~padded[2 * QUIET_ROWS :])


def _widened(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the cells with their neighbours on both sides: which cell an edge of a letter is in varies with noise."""
    padded = np.pad(cells, ((0, 0), (1, 1)))
    return np.asarray(padded[:, :-2] | cells | padded[:, 2:])


@dataclass(slots=True)
class KeptPicture:
    """A picture in which text is looked for."""

    seconds: float
    trace: TextTrace
    pixels: Pixels
    alike_seconds: list[float]
    """Times of all sampled pictures with the same text, this one included."""


@dataclass(slots=True)
class TextPicturePicker:
    """Keeps the pictures with the most that looks like text, one of those that show the same.

    Args:
        max_pictures: of a video; 0 keeps none and looks at none.
    """

    max_pictures: int
    _kept: list[KeptPicture] = field(default_factory=list)

    def offer(self, sampled: Pixels, seconds: float, render: Callable[[], Pixels]) -> None:
        """Look at a sampled picture.

        Args:
            sampled: (H, W, 3) uint8 RGB.
            seconds: when it is shown; ascending.
            render: returns the same picture in the size in which text is read; called only if it is kept.
        """
        if not self.max_pictures:
            return
        trace = text_trace(sampled)
        alike = next((kept for kept in self._kept if kept.trace.is_alike(trace)), None) if self._kept else None
        if trace.num_cells < MIN_CELLS:
            self._offer_plain(trace, seconds, render)
        elif alike is not None and alike.trace.num_cells >= MIN_CELLS:
            alike.alike_seconds.append(seconds)
        else:
            self._add(trace, seconds, render)

    def pictures(self) -> list[KeptPicture]:
        """Return what was kept, the picture with the most text first; of equal ones the earlier first."""
        return sorted(self._kept, key=lambda kept: (-kept.trace.num_cells, kept.seconds))

    def _offer_plain(self, trace: TextTrace, seconds: float, render: Callable[[], Pixels]) -> None:
        """Keep a picture without such cells while there is no better one."""
        best = self._kept[0] if self._kept else None
        if best is None or (best.trace.num_cells < MIN_CELLS and _is_better(trace, best.trace)):
            self._kept = [KeptPicture(seconds, trace, render(), [seconds])]

    def _add(self, trace: TextTrace, seconds: float, render: Callable[[], Pixels]) -> None:
        kept = [each for each in self._kept if each.trace.num_cells >= MIN_CELLS]
        if len(kept) == self.max_pictures:
            least = min(kept, key=lambda each: (each.trace.num_cells, -each.seconds))
            if least.trace.num_cells >= trace.num_cells:
                return
            kept.remove(least)
        self._kept = [*kept, KeptPicture(seconds, trace, render(), [seconds])]


def _is_better(one: TextTrace, other: TextTrace) -> bool:
    is_fuller = one.num_edges > MUCH_MORE * other.num_edges
    return one.num_cells > other.num_cells or (one.num_cells == other.num_cells and is_fuller)
