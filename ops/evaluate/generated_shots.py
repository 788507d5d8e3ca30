"""Shots as functions of time: cameras over pictures, and objects before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import cv2
import numpy as np

from ops.evaluate.scene_material import Picture, SceneMaterial

T = TypeVar("T")
Shot = Callable[[float], Picture]
"""The picture at a time in seconds from its start."""
Draw = np.random.Generator
Movement = Literal["still", "handheld", "pan", "zoom", "shake"]
MOVEMENTS: tuple[Movement, ...] = ("still", "handheld", "pan", "zoom", "shake")


@dataclass(frozen=True, slots=True)
class FrameShape:
    """Size of the generated pictures."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class View:
    """Where a camera looks: centre in widths of the frame from the middle of a picture, zoom and turn."""

    right: float = 0.0
    down: float = 0.0
    zoom: float = 1.0
    turn_degrees: float = 0.0


Path = Callable[[float], View]


@dataclass(frozen=True, slots=True)
class Sprite:
    """A textured object of elliptic shape that moves before the background."""

    pixels: Picture
    size_ratio: float
    """Its width as share of the frame's width."""
    path: Callable[[float], tuple[float, float]]
    """Centre as share of width and height at a time."""


def drawn_path(draw: Draw, movement: Movement) -> Path:
    """Return a camera's path of one kind; speeds are those of usual videos."""
    right, down = draw.uniform(-0.15, 0.15, 2)
    zoom = draw.uniform(1.0, 1.5)
    if movement == "pan":
        angle, speed = draw.uniform(0, 2 * np.pi), draw.uniform(0.05, 0.3)
        return lambda t: View(right + speed * t * np.cos(angle), down + speed * t * np.sin(angle) * 0.5, zoom)
    if movement == "zoom":
        rate = draw.choice([-1, 1]) * draw.uniform(0.02, 0.12)
        return lambda t: View(right, down, zoom * (1 + rate) ** t)
    if movement in ("handheld", "shake"):
        size = 0.006 if movement == "handheld" else 0.02
        hz = draw.uniform(0.3, 1.2, 6) * (1 if movement == "handheld" else 4)
        phase = draw.uniform(0, 2 * np.pi, 6)
        return partial(_trembling, right, down, zoom, size, hz, phase)
    return lambda _t: View(right, down, zoom)


def _trembling(
    right: float, down: float, zoom: float, size: float, hz: np.ndarray, phase: np.ndarray, seconds: float
) -> View:
    waves = np.sin(2 * np.pi * hz * seconds + phase) * size
    return View(right + waves[:3].sum(), down + waves[3:5].sum(), zoom, float(waves[5]) * 40)


def filmed(picture: Picture, frame: FrameShape, path: Path, sprites: tuple[Sprite, ...] = ()) -> Shot:
    """Return a camera's shot of a picture, which is reflected at its borders, with objects before it."""
    scale = max(frame.width_px / picture.shape[1], frame.height_px / picture.shape[0])

    def shot(seconds: float) -> Picture:
        taken = taken_of(picture, frame, scale, path(seconds))
        for sprite in sprites:
            _paste(taken, sprite, seconds)
        return taken

    return shot


def taken_of(picture: Picture, frame: FrameShape, scale: float, view: View) -> Picture:
    """Return the picture that a camera with that view takes; `scale` is that of zoom 1."""
    height, width = picture.shape[:2]
    centre = (width / 2 + view.right * frame.width_px / scale, height / 2 + view.down * frame.width_px / scale)
    matrix = cv2.getRotationMatrix2D(centre, view.turn_degrees, scale * view.zoom)
    matrix[:, 2] += (frame.width_px / 2 - centre[0], frame.height_px / 2 - centre[1])
    return np.asarray(
        cv2.warpAffine(
            picture,
            matrix,
            (frame.width_px, frame.height_px),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    )


def _paste(taken: Picture, sprite: Sprite, seconds: float) -> None:
    height, width = taken.shape[:2]
    size = max(4, round(sprite.size_ratio * width))
    tall = max(4, round(size * 1.3))
    right, down = sprite.path(seconds)
    matrix = np.array(
        [
            [size / sprite.pixels.shape[1], 0, right * width - size / 2],
            [0, tall / sprite.pixels.shape[0], down * height - tall / 2],
        ],
        np.float32,
    )
    colours = cv2.warpAffine(sprite.pixels, matrix, (width, height), flags=cv2.INTER_AREA)
    shape = np.zeros((height, width), np.uint8)
    centre = (round(right * width * 16), round(down * height * 16))
    cv2.ellipse(shape, centre, (size * 7, tall * 7), 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    mask = shape[:, :, None].astype(np.float32) / 255
    taken[:] = (taken * (1 - mask) + colours * mask).astype(np.uint8)


def drawn_sprite(draw: Draw, material: SceneMaterial, size_ratio: float, speed_widths: float) -> Sprite:
    """Return an object that wanders at a mean speed of about that many widths a second."""
    pixels = chosen(draw, material.pictures)
    side = min(pixels.shape[:2]) // 2
    top, left = draw.integers(0, pixels.shape[0] - side), draw.integers(0, pixels.shape[1] - side)
    texture = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    hz, phase = draw.uniform(0.15, 0.4, 2), draw.uniform(0, 2 * np.pi, 2)
    reach = speed_widths / (4 * hz)
    centre = draw.uniform(0.3, 0.7, 2)

    def path(seconds: float) -> tuple[float, float]:
        right, down = centre + reach * np.sin(2 * np.pi * hz * seconds + phase)
        return float(right), float(down)

    return Sprite(texture, size_ratio, path)


def toned(shot: Shot, gain: float, offset_levels: float = 0.0) -> Shot:
    """Return a darker or flatter shot."""
    return lambda seconds: np.clip(shot(seconds) * gain + offset_levels, 0, 255).astype(np.uint8)


def chosen(draw: Draw, things: tuple[T, ...]) -> T:
    """Return one of some."""
    return things[int(draw.integers(0, len(things)))]
