"""Clips of one shot with known motion: of cameras, of objects before fixed cameras, and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from ops.evaluate.generated_shots import Draw, FrameShape, Shot, Sprite, View, chosen, drawn_path, filmed
from ops.evaluate.scene_material import Picture, SceneMaterial

FRAME = FrameShape(426, 240)
SECONDS = 4.0
PAN_WIDTHS_PER_SECOND = (0.05, 0.1, 0.2, 0.5, 1.0)
PAN_RATES_HZ = (25.0, 60.0)
RATE_HZ = 25.0
OBJECT_RATIOS = (0.105, 0.18, 0.26, 0.35)
"""Widths of objects, as shares of the picture's: they cover about 2 to 22 % of it."""
OBJECT_WIDTHS_PER_SECOND = (0.1, 0.3)
HEAD_RATIOS = (0.3, 0.45, 0.6)
GRAINS_LEVELS = (2.0, 6.0, 12.0)
SCROLL_WIDTHS_PER_SECOND = 0.28
SLIDE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class MotionClip:
    """One clip and its truth; None where it is not known."""

    name: str
    kind: str
    shot: Shot
    rate_hz: float = RATE_HZ
    seconds: float = SECONDS
    camera_widths_per_second: float | None = None
    camera_ratio: float | None = None
    static_ratio: float | None = None
    grain_levels: float = 0.0

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures."""
        draw = np.random.default_rng(1)
        for number in range(round(self.seconds * self.rate_hz)):
            picture = self.shot(number / self.rate_hz)
            if self.grain_levels:
                grain = draw.normal(0, self.grain_levels, (*picture.shape[:2], 1))
                picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
            yield picture


def motion_clips(material: SceneMaterial, seed: int) -> list[MotionClip]:
    """Return clips of every kind, drawn from a seed."""
    draw = np.random.default_rng(seed)
    pick = partial(chosen, draw, material.pictures)
    return [
        *_pans(pick),
        *_cameras(draw, pick),
        *_objects(draw, pick),
        *_heads(draw, pick),
        *_still(pick),
    ]


def _pans(pick: Callable[[], Picture]) -> Iterator[MotionClip]:
    for speed in PAN_WIDTHS_PER_SECOND:
        for rate_hz in PAN_RATES_HZ:
            shot = filmed(pick(), FRAME, partial(_panned, speed))
            yield MotionClip(f"pan-{speed}-{rate_hz:.0f}", "pan", shot, rate_hz, SECONDS, speed, 1.0, 0.0)


def _panned(speed: float, seconds: float) -> View:
    return View(right=speed * (seconds - SECONDS / 2))


def _cameras(draw: Draw, pick: Callable[[], Picture]) -> Iterator[MotionClip]:
    for rate in (0.05, 0.2):
        zoomed = filmed(pick(), FRAME, partial(_zoomed, rate))
        yield MotionClip(f"zoom-{rate}", "zoom", zoomed, camera_ratio=1.0)
    turned = filmed(pick(), FRAME, lambda t: View(zoom=1.5, turn_degrees=12 * t))
    yield MotionClip("rotation", "rotation", turned, camera_ratio=1.0)
    for movement in ("shake", "handheld"):
        path = drawn_path(draw, "shake" if movement == "shake" else "handheld")
        yield MotionClip(movement, movement, filmed(pick(), FRAME, path), camera_ratio=1.0)
    yield MotionClip(
        "scroll",
        "scrolling text",
        filmed(_page(900), FRAME, lambda t: View(down=SCROLL_WIDTHS_PER_SECOND * (t - SECONDS / 2))),
        camera_widths_per_second=SCROLL_WIDTHS_PER_SECOND,
        camera_ratio=1.0,
    )


def _zoomed(rate: float, seconds: float) -> View:
    return View(zoom=(1 + rate) ** seconds)


def _objects(draw: Draw, pick: Callable[[], Picture]) -> Iterator[MotionClip]:
    for size_ratio in OBJECT_RATIOS:
        for speed in OBJECT_WIDTHS_PER_SECOND:
            phase = float(draw.uniform(0, 6))
            sprite = Sprite(np.ascontiguousarray(pick()[:400, :400]), size_ratio, partial(_to_and_fro, speed, phase))
            shot = filmed(pick(), FRAME, lambda _t: View(), (sprite,))
            yield MotionClip(f"object-{size_ratio}-{speed}", "object", shot, camera_ratio=0.0)


def _to_and_fro(speed: float, phase: float, seconds: float) -> tuple[float, float]:
    place = (phase + speed * seconds) % 1.0
    return 0.25 + abs(place - 0.5), 0.5


def _heads(draw: Draw, pick: Callable[[], Picture]) -> Iterator[MotionClip]:
    """Return something large and textured that stirs before a dim wall, as a face that speaks."""
    for size_ratio in HEAD_RATIOS:
        phase = float(draw.uniform(0, 6))
        sprite = Sprite(np.ascontiguousarray(pick()[:400, :400]), size_ratio, partial(_stirring, phase))
        shot = filmed(_dim(pick()), FRAME, lambda _t: View(), (sprite,))
        yield MotionClip(f"head-{size_ratio}", "head", shot, camera_ratio=0.0)


def _stirring(phase: float, seconds: float) -> tuple[float, float]:
    return 0.6 + 0.02 * np.sin(1.7 * seconds + phase), 0.5 + 0.015 * np.sin(2.9 * seconds + phase)


def _dim(picture: Picture) -> Picture:
    return (picture // 6 + 22).astype(np.uint8)


def _still(pick: Callable[[], Picture]) -> Iterator[MotionClip]:
    fixed = filmed(pick(), FRAME, lambda _t: View())
    yield MotionClip("still", "still", fixed, static_ratio=1.0)
    yield MotionClip("grey", "still", lambda _t: np.full((240, 426, 3), 120, np.uint8), static_ratio=1.0)
    for grain in GRAINS_LEVELS:
        shot = filmed(pick(), FRAME, lambda _t: View())
        yield MotionClip(f"grain-{grain:.0f}", "grain", shot, static_ratio=1.0, grain_levels=grain)
    for hz in (1.3, 5.0):
        yield MotionClip(
            f"flicker-{hz}", "flicker", _flickering(filmed(pick(), FRAME, lambda _t: View()), hz), static_ratio=1.0
        )
    yield MotionClip("cursor", "cursor", _with_cursor(filmed(_page(240), FRAME, lambda _t: View())), static_ratio=1.0)
    slides = [filmed(pick(), FRAME, lambda _t: View()) for _ in range(4)]
    yield MotionClip("slides", "slideshow", partial(_slide, slides), seconds=4 * SLIDE_SECONDS, static_ratio=1.0)
    half = filmed(pick(), FRAME, lambda t: View(right=0.2 * max(0.0, t - SECONDS / 2)))
    yield MotionClip("half", "half still", half, static_ratio=0.5)


def _slide(slides: list[Shot], seconds: float) -> Picture:
    return slides[min(len(slides) - 1, int(seconds / SLIDE_SECONDS))](0.0)


def _flickering(shot: Shot, hz: float) -> Shot:
    return lambda t: np.clip(shot(t) * (0.85 + 0.15 * np.sin(2 * np.pi * hz * t)), 0, 255).astype(np.uint8)


def _with_cursor(shot: Shot) -> Shot:
    def moved(seconds: float) -> Picture:
        picture = shot(seconds).copy()
        tip = (round(213 + 120 * np.sin(seconds * 1.7)), round(120 + 70 * np.sin(seconds * 2.3)))
        corners = np.array([tip, (tip[0], tip[1] + 14), (tip[0] + 9, tip[1] + 10)], np.int32)
        cv2.fillPoly(picture, [corners], (0, 0, 0))
        return picture

    return moved


def _page(height_px: int) -> Picture:
    """Return lines of words, dark on white."""
    draw = np.random.default_rng(5)
    page = np.full((height_px, FRAME.width_px, 3), 245, np.uint8)
    for top in range(12, height_px - 6, 14):
        left = 16
        while left < FRAME.width_px - 70 and draw.random() > 0.06:
            word = "".join(chr(97 + int(draw.integers(0, 26))) for _ in range(int(draw.integers(2, 9))))
            cv2.putText(page, word, (left, top), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (20, 20, 20), 1, cv2.LINE_AA)
            left += 8 * len(word) + 7
    return page
