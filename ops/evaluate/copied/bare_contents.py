"""Videos that show little: soft grounds and plain ones under the same captions, and cards of text. No two are copies,
and a hash that counts captions calls them so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from ops.evaluate.copied.contents import HEIGHT_PX, LENGTH_SECONDS, RATE_HZ, WIDTH_PX, Frames

_WORDS: Final = (
    *("morning", "river", "yellow", "window", "garden", "seven", "paper", "winter", "music", "bridge", "orange"),
    *("silver", "island", "coffee", "summer", "number", "letter", "forest", "market", "engine", "harbour", "candle"),
)
_CAPTIONS: Final = ((0.2, "WAIT FOR IT"), (0.9, "follow for more"))
_NUM_CARDS: Final = 3
_LINES: Final = 4


def _soft(random: np.random.Generator) -> Frames:
    """A camera over a ground of soft blotches."""
    cells = (int(random.integers(2, 7)), int(random.integers(3, 10)), 3)
    blotches = random.integers(40, 216, cells, dtype=np.uint8)
    ground = np.asarray(cv2.resize(blotches, (2 * WIDTH_PX, 2 * HEIGHT_PX), interpolation=cv2.INTER_CUBIC))
    number = round(RATE_HZ * LENGTH_SECONDS)
    ways = np.linspace(random.uniform(0, 1, 2), random.uniform(0, 1, 2), number)
    rows, columns = (ways * (HEIGHT_PX, WIDTH_PX)).astype(int).T
    return [
        ground[row : row + HEIGHT_PX, column : column + WIDTH_PX].copy()
        for row, column in zip(rows, columns, strict=True)
    ]


def _faded(random: np.random.Generator) -> Frames:
    """One colour that becomes another downwards."""
    ends = random.integers(0, 256, (2, 1, 3)).astype(np.float64)
    ground = cv2.resize(ends, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    return [ground.copy() for _ in range(round(RATE_HZ * LENGTH_SECONDS))]


def _captioned(frames: Frames) -> Frames:
    for frame in frames:
        for place, words in _CAPTIONS:
            _write(frame, words, round(HEIGHT_PX * place), WIDTH_PX / 480)
    return frames


def _cards(random: np.random.Generator) -> Frames:
    """Lines of text on a ground of one colour, other words every three seconds."""
    number, frames = round(RATE_HZ * LENGTH_SECONDS / _NUM_CARDS), []
    colour = [int(level) for level in random.integers(0, 200, 3)]
    for _ in range(_NUM_CARDS):
        card = np.full((HEIGHT_PX, WIDTH_PX, 3), colour, np.uint8)
        for line in range(_LINES):
            words = " ".join(random.choice(_WORDS, 3))
            _write(card, words, round(HEIGHT_PX * (0.25 + 0.2 * line)), 0.9)
        frames += [card] * number
    return frames


def _write(frame: np.ndarray, words: str, down_px: int, size: float) -> None:
    for colour, thickness in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(frame, words, (WIDTH_PX // 12, down_px), cv2.FONT_HERSHEY_DUPLEX, size, colour, thickness)


BARE: Final[dict[str, Callable[[np.random.Generator], Frames]]] = {
    "soft": _soft,
    "soft, captions": lambda random: _captioned(_soft(random)),
    "plain, captions": lambda random: _captioned(_faded(random)),
    "text": _cards,
}


def bare_contents(seed: int, num_of_each: int) -> dict[str, Frames]:
    """Return videos by name."""
    random = np.random.default_rng(seed)
    return {f"{name} {number}": make(random) for name, make in BARE.items() for number in range(num_of_each)}
