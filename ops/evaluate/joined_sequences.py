"""Sequences of shots with known changes, and with disturbances that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from ops.evaluate.generated_shots import (
    MOVEMENTS,
    Draw,
    FrameShape,
    Movement,
    Path,
    Shot,
    View,
    chosen,
    drawn_path,
    drawn_sprite,
    filmed,
    taken_of,
    toned,
)
from ops.evaluate.judgements import TrueSpan
from ops.evaluate.scene_material import Picture, SceneMaterial

Change = Literal["hard", "short", "dark", "flat", "jump", "fade-black", "fade-white", "dissolve", "wipe"]
CHANGES: tuple[Change, ...] = ("hard", "short", "dark", "flat", "jump", "fade-black", "fade-white", "dissolve", "wipe")
Disturbance = Literal["flash", "whip-pan", "crash-zoom", "shake", "passing", "light"]
DISTURBANCES: tuple[Disturbance, ...] = ("flash", "whip-pan", "crash-zoom", "shake", "passing", "light")
RATES_HZ = (24.0, 25.0, 30.0, 60.0)
SIZES = (
    FrameShape(320, 180),
    FrameShape(426, 240),
    FrameShape(426, 240),
    FrameShape(640, 360),
    FrameShape(360, 640),
    FrameShape(854, 480),
)
GROUPS = (12, 30, 60, 250)
"""Pictures between keyframes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A shot, and how the next one begins."""

    shot: Shot
    seconds: float
    change: Change
    change_seconds: float = 0.0
    """Length of a gradual change, which takes place at the end of this shot and the start of the next."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A video that can be rendered any number of times."""

    name: str
    parts: tuple[Part, ...]
    """The change of the last is not made."""
    frame: FrameShape
    rate_hz: float
    group: int
    grain_levels: float
    seed: int

    @property
    def num_frames(self) -> int:
        """Number of pictures."""
        return sum(_frames(part.seconds, self.rate_hz) for part in self.parts)

    @property
    def changes(self) -> tuple[TrueSpan, ...]:
        """Every change, ascending; a hard one is at the time of the first picture of the new shot."""
        spans, end = [], 0
        for part in self.parts[:-1]:
            end += _frames(part.seconds, self.rate_hz)
            half = _frames(part.change_seconds, self.rate_hz) // 2
            spans.append(TrueSpan((end - half) / self.rate_hz, (end + half) / self.rate_hz, part.change))
        return tuple(spans)

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures, with grain."""
        draw = np.random.default_rng(self.seed)
        grains = [draw.normal(0, self.grain_levels, (self.frame.height_px, self.frame.width_px, 1)) for _ in range(5)]
        grains = [grain.astype(np.float32) for grain in grains]
        for number in range(self.num_frames):
            clean = self._clean(number)
            if self.grain_levels:
                rolled = np.roll(grains[number % 5], int(draw.integers(0, 97)), axis=1)
                clean = np.clip(clean + rolled, 0, 255).astype(np.uint8)
            yield clean

    def _clean(self, number: int) -> Picture:
        place, begin = 0, 0
        while number >= begin + _frames(self.parts[place].seconds, self.rate_hz):
            begin += _frames(self.parts[place].seconds, self.rate_hz)
            place += 1
        end = begin + _frames(self.parts[place].seconds, self.rate_hz)
        half_after = _half(self.parts, place, self.rate_hz)
        half_before = _half(self.parts, place - 1, self.rate_hz)
        here = self.parts[place].shot((number - begin) / self.rate_hz)
        if place + 1 < len(self.parts) and number >= end - half_after:
            other = self.parts[place + 1].shot((number - end) / self.rate_hz)
            share = (number - end + half_after + 1) / (2 * half_after + 1)
            return _mixed(self.parts[place].change, here, other, share, self.seed + place)
        if place and number < begin + half_before:
            before = self.parts[place - 1]
            other = before.shot(before.seconds + (number - begin) / self.rate_hz)
            share = (number - begin + half_before + 1) / (2 * half_before + 1)
            return _mixed(before.change, other, here, share, self.seed + place - 1)
        return here


def _frames(seconds: float, rate_hz: float) -> int:
    return round(seconds * rate_hz)


def _half(parts: tuple[Part, ...], place: int, rate_hz: float) -> int:
    return _frames(parts[place].change_seconds, rate_hz) // 2 if 0 <= place < len(parts) - 1 else 0


def _mixed(change: Change, old: Picture, new: Picture, share: float, seed: int) -> Picture:
    """Return a picture of a gradual change, of which `share` is over."""
    if change == "dissolve":
        return (old * (1 - share) + new.astype(np.float32) * share).astype(np.uint8)
    if change == "wipe":
        return _wiped(old, new, share, seed % 5)
    level = 0.0 if change == "fade-black" else 255.0
    away = max(0.0, min(1.0, abs(share - 0.5) * 2.5 - 0.1))
    shown = old if share < 0.5 else new
    return (shown * away + level * (1 - away)).astype(np.uint8)


def _wiped(old: Picture, new: Picture, share: float, direction: int) -> Picture:
    height, width = old.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    places = (
        columns / width,
        1 - columns / width,
        rows / height,
        1 - rows / height,
        (rows / height + columns / width) / 2,
    )
    return np.where((places[direction] < share)[:, :, None], new, old)


def drawn_sequence(
    name: str, seed: int, material: SceneMaterial, change_kinds: tuple[Change, ...] = CHANGES
) -> Sequence:
    """Return a sequence of about ten seconds, drawn from a seed."""
    draw = np.random.default_rng(seed)
    frame, rate_hz = SIZES[int(draw.integers(0, len(SIZES)))], RATES_HZ[int(draw.integers(0, len(RATES_HZ)))]
    num_parts = int(draw.integers(4, 8))
    changes = [chosen(draw, change_kinds) for _ in range(num_parts)]
    parts: list[Part] = []
    again: Callable[[], Shot] | None = None
    for place in range(num_parts):
        previous = changes[place - 1] if place else "hard"
        if previous != "jump" or again is None:
            shot, again = _drawn_shot(draw, material, frame)
        else:
            shot = again()
        parts.append(_part(draw, shot, changes[place], is_short="short" in (previous, changes[place])))
    return Sequence(
        name,
        tuple(_tuned(parts)),
        frame,
        rate_hz,
        GROUPS[int(draw.integers(0, 4))],
        float(draw.choice([0, 1, 2, 4])),
        seed,
    )


def _part(draw: Draw, shot: Shot, change: Change, *, is_short: bool) -> Part:
    seconds = float(draw.uniform(0.25, 0.8)) if is_short else float(draw.uniform(1.2, 4.0))
    lengths = {"dissolve": (0.4, 1.5), "wipe": (0.3, 1.0), "fade-black": (0.5, 1.6), "fade-white": (0.4, 1.2)}
    low, high = lengths.get(change, (0.0, 0.0))
    change_seconds = float(draw.uniform(low, high))
    if not is_short and draw.random() < 0.35 and not change_seconds:
        shot = disturbed(draw, shot, chosen(draw, DISTURBANCES), seconds)
    return Part(shot, max(seconds, 1.5 * change_seconds + 0.5) if change_seconds else seconds, change, change_seconds)


def _tuned(parts: list[Part]) -> Iterator[Part]:
    """Darken, or flatten, both shots of such a change."""
    for place, part in enumerate(parts):
        kinds = {part.change if place + 1 < len(parts) else "", parts[place - 1].change if place else ""}
        if "dark" in kinds:
            part = replace(part, shot=toned(part.shot, 0.22))
        elif "flat" in kinds:
            part = replace(part, shot=toned(part.shot, 0.35, 80))
        seconds = max(
            part.seconds, 0.75 * (part.change_seconds + (parts[place - 1].change_seconds if place else 0.0)) + 0.4
        )
        is_long = part.change_seconds or (place and parts[place - 1].change_seconds)
        yield replace(part, seconds=seconds) if is_long else part


def _drawn_shot(draw: Draw, material: SceneMaterial, frame: FrameShape) -> tuple[Shot, Callable[[], Shot]]:
    """Return a shot, and what films the same scene at another moment."""
    picture, movement = chosen(draw, material.pictures), chosen(draw, MOVEMENTS)
    size, speed = draw.uniform(0.15, 0.45), draw.uniform(0.02, 0.2)
    sprites = tuple(drawn_sprite(draw, material, size, speed) for _ in range(int(draw.integers(0, 3))))
    path = drawn_path(draw, movement)
    return filmed(picture, frame, path, sprites), partial(
        _later, draw, material, frame, picture, movement, path, size, speed
    )


def _later(
    draw: Draw,
    material: SceneMaterial,
    frame: FrameShape,
    picture: Picture,
    movement: Movement,
    path: Path,
    size: float,
    speed: float,
) -> Shot:
    """Return the scene later: its objects are elsewhere, and the camera has moved a little."""
    sprite = drawn_sprite(draw, material, size, speed)
    right, down = draw.uniform(-0.05, 0.05, 2)
    zoom = draw.choice([1.0, 1.0, 1.06, 1.12])
    hold = drawn_path(draw, "still" if movement in ("pan", "zoom") else movement)
    first, start = path(0.0), hold(0.0)

    def moved(seconds: float) -> View:
        view = hold(seconds)
        return View(
            first.right + right + view.right - start.right,
            first.down + down + view.down - start.down,
            first.zoom * zoom * view.zoom / start.zoom,
            view.turn_degrees,
        )

    return filmed(picture, frame, moved, (sprite,))


def disturbed(draw: Draw, shot: Shot, disturbance: Disturbance, seconds: float) -> Shot:
    """Return a shot in whose middle something happens that is no change of shot."""
    at = seconds * float(draw.uniform(0.3, 0.6))
    if disturbance == "flash":
        length = float(draw.uniform(0.03, 0.14))
        return lambda t: _lit(shot(t), 130.0 if at <= t < at + length else 0.0)
    if disturbance == "light":
        return lambda t: _lit(shot(t), 60.0 * float(np.clip((t - at) / 0.8, 0, 1)))
    if disturbance == "passing":
        level, width_ratio = int(draw.integers(0, 256)), float(draw.uniform(0.3, 0.6))
        return lambda t: _passed(shot(t), (t - at) / 0.5, level, width_ratio)
    length, reach = float(draw.uniform(0.25, 0.5)), float(draw.uniform(0.6, 1.2))
    return lambda t: _shaken(shot(t), disturbance, (t - at) / length, reach)


def _lit(picture: Picture, levels: float) -> Picture:
    if not levels:
        return picture
    return np.clip(picture * (1 - levels / 400) + levels, 0, 255).astype(np.uint8)


def _passed(picture: Picture, place: float, level: int, width_ratio: float) -> Picture:
    width = picture.shape[1]
    left = round((place * (1 + width_ratio) - width_ratio) * width)
    taken = picture.copy()
    taken[:, max(0, left) : max(0, left + round(width_ratio * width))] //= 8
    taken[:, max(0, left) : max(0, left + round(width_ratio * width))] += np.uint8(level * 7 // 8)
    return taken


def _shaken(picture: Picture, disturbance: Disturbance, place: float, reach: float) -> Picture:
    """Return the picture as a camera takes it that moves abruptly while `place` goes from 0 to 1, and stays there."""
    height, width = picture.shape[:2]
    done = float(np.clip(place, 0, 1))
    smooth = done * done * (3 - 2 * done)
    if disturbance == "whip-pan":
        view = View(right=reach * smooth)
    elif disturbance == "crash-zoom":
        view = View(zoom=1 + 1.2 * reach * smooth)
    else:
        strength = 0.05 * reach if 0 < place < 1 else 0.0
        view = View(strength * float(np.sin(place * 40)), strength * float(np.cos(place * 31)))
    return taken_of(picture, FrameShape(width, height), 1.0, view)
