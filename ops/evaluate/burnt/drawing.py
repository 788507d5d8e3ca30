"""Draws text over pictures under a moving camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

RATE_HZ: Final = 10
_WIDTH_RATIO: Final = 16 / 9
_MOVE_RATIO: Final = 0.15
"""Share of the picture by which the camera moves."""
_WIDEST_RATIO: Final = 0.92
"""Share of the picture's width that a line takes at most; a longer one is drawn smaller."""
_EDGE_RATIO: Final = 1 / 14
"""Width of the dark edge of letters, in heights of a letter."""

Look = Literal["edged", "boxed", "rotated", "faint"]
Frames = list[np.ndarray]
"""(H, W, 3) uint8 RGB each, 10 a second."""


@dataclass(frozen=True, slots=True)
class TextKind:
    """How text looks."""

    font: str
    """Key of the fonts."""
    height_ratio: float
    """Size of the letters in heights of the picture."""
    look: Look = "edged"
    is_upper: bool = False


KINDS: Final[Mapping[str, TextKind]] = {
    "plain": TextKind("latin", 0.065),
    "small": TextKind("latin", 0.042),
    "accents": TextKind("latin", 0.065),
    "boxed": TextKind("latin", 0.06, "boxed"),
    "rotated": TextKind("latin", 0.07, "rotated"),
    "meme": TextKind("display", 0.1, is_upper=True),
    "Chinese": TextKind("chinese", 0.075),
    "faint": TextKind("latin", 0.065, "faint"),
    "Russian": TextKind("latin", 0.065),
    "Arabic": TextKind("arabic", 0.075),
    "Hindi": TextKind("devanagari", 0.075),
}
READABLE: Final = ("plain", "small", "accents", "boxed", "rotated", "meme", "Chinese")
"""Kinds that the reader promises to read."""
UNKNOWN_SCRIPTS: Final = ("Russian", "Arabic", "Hindi")
_DEGREES: Final = {"rotated": 15.0}
_OPACITY: Final = {"faint": 90}


def moving_picture(path: Path, height: int, length_seconds: float, random: np.random.Generator) -> Frames:
    """Return a picture under a camera that moves over it, at 16:9."""
    width = round(height * _WIDTH_RATIO) // 2 * 2
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = (1 + _MOVE_RATIO) * max(width / image.width, height / image.height)
    ground = np.asarray(
        image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    )
    free = np.array([ground.shape[0] - height, ground.shape[1] - width])
    begin, end = random.uniform(0, 1, (2, 2)) * np.minimum(free, _MOVE_RATIO * height)
    num_frames = round(RATE_HZ * length_seconds)
    places = [(begin + (end - begin) * number / num_frames).astype(int) for number in range(num_frames)]
    return [ground[top : top + height, left : left + width].copy() for top, left in places]


def text_layer(text: str, kind: TextKind, font: Path, height: int, random: np.random.Generator) -> np.ndarray:
    """Return (H, W, 4) uint8: the text at one of three heights of a picture, and nothing else."""
    width = round(height * _WIDTH_RATIO) // 2 * 2
    words = text.upper() if kind.is_upper else text
    layer = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(layer)
    face = _fitting(draw, words, font, kind.height_ratio * height, _WIDEST_RATIO * width)
    left, top, right, bottom = draw.textbbox((0, 0), words, font=face)
    place = ((width - (right - left)) // 2, round(height * float(random.choice([0.12, 0.45, 0.8]))))
    if kind.look == "boxed":
        margin = round(face.size / 3)
        corners = (
            place[0] + left - margin,
            place[1] + top - margin,
            place[0] + right + margin,
            place[1] + bottom + margin,
        )
        draw.rectangle(corners, fill=(255, 255, 255, 255))
        draw.text(place, words, font=face, fill=(0, 0, 0, 255))
    else:
        edge = 0 if kind.look == "faint" else max(1, round(face.size * _EDGE_RATIO))
        fill = (255, 255, 255, _OPACITY.get(kind.look, 255))
        draw.text(place, words, font=face, fill=fill, stroke_width=edge, stroke_fill=(0, 0, 0, 255))
    degrees = _DEGREES.get(kind.look, 0.0)
    centre = (width / 2, place[1] + (top + bottom) / 2)
    return np.asarray(layer.rotate(degrees, Image.Resampling.BICUBIC, center=centre) if degrees else layer)


def _fitting(
    draw: ImageDraw.ImageDraw, words: str, font: Path, size_px: float, widest_px: float
) -> ImageFont.FreeTypeFont:
    face = ImageFont.truetype(str(font), round(size_px))
    length = draw.textlength(words, font=face)
    return face if length <= widest_px else ImageFont.truetype(str(font), int(size_px * widest_px / length))


def burn(frames: Frames, layer: np.ndarray, begin_seconds: float, end_seconds: float) -> None:
    """Draw a layer over the frames of a time."""
    opacity = layer[:, :, 3:].astype(np.float32) / 255
    shown = layer[:, :, :3] * opacity
    for number in range(round(begin_seconds * RATE_HZ), min(len(frames), round(end_seconds * RATE_HZ))):
        frames[number] = (frames[number] * (1 - opacity) + shown + 0.5).astype(np.uint8)
