"""Pictures with grey bars for lines of text, and readers that know what each grey says: no model runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.text_reading import ReadLine

STEP = 12
"""From one grey to the next."""
BAR = (20, 24, 380)
"""Left end, height and width of a bar in pixels."""


@dataclass
class PaintedReaders:
    """Behaves like `models.text_reading.TextReaders`."""

    lines: list[ReadLine] = field(default_factory=list)
    looked_at: list[tuple[int, ...]] = field(default_factory=list)
    """Shapes of the pictures that the detector was given."""
    map_score: float = 0.9

    def picture(self, *lines: tuple[str, float], height: int = 360, width: int = 640) -> np.ndarray:
        """Return a black picture with one bar for each line, text and score, from the top down."""
        pixels = np.zeros((height, width, 3), np.uint8)
        for row, (text, score) in enumerate(lines):
            self.lines.append(ReadLine(text, score))
            top = 40 + 60 * row
            pixels[top : top + BAR[1], BAR[0] : BAR[0] + BAR[2]] = STEP * len(self.lines)
        return pixels

    def text_map(self, pixels: np.ndarray) -> np.ndarray:
        self.looked_at.append(pixels.shape)
        return np.where(pixels[:, :, 0] >= STEP - 1, self.map_score, 0.0).astype(np.float32)

    def read(self, line: np.ndarray) -> ReadLine:
        return self.lines[round(float(np.median(line[8:-8])) / STEP) - 1]
