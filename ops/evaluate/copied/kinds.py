"""Kinds of copies, as uploaders make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np

from ops.evaluate.copied.contents import HEIGHT_PX, RATE_HZ, WIDTH_PX, Frames

Picture = np.ndarray
"""(H, W, 3) uint8 RGB."""

_UPRIGHT_PX: Final = (360, 640)
_BLACK: Final = (0, 0, 0)
_WHITE: Final = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Made:
    """Frames of a copy."""

    frames: Frames
    rate_hz: float = RATE_HZ
    begins_seconds: float = 0.0
    """Where the original's first frame is; below 0 where it was cut off."""


@dataclass(frozen=True, slots=True)
class CopyKind:
    """One way to make a copy."""

    make: Callable[[Frames, Frames, np.random.Generator], Made]
    """Of a content and of another video, which stands behind or around it."""
    quality_crf: int = 23
    """Of x264: 23 is its default, 40 shows blocks."""
    has_other: bool = False
    """Whether the other video is to be seen in it."""


def _each(change: Callable[[Picture], Picture]) -> CopyKind:
    return CopyKind(lambda frames, _other, _random: Made([change(frame) for frame in frames]))


def _drawn(draw: Callable[[np.random.Generator], Callable[[Picture], Picture]]) -> CopyKind:
    """A change whose amount is drawn once a video."""

    def make(frames: Frames, _other: Frames, random: np.random.Generator) -> Made:
        change = draw(random)
        return Made([change(frame) for frame in frames])

    return CopyKind(make)


def _timed(change: Callable[[Frames], Made]) -> CopyKind:
    return CopyKind(lambda frames, _other, _random: change(frames))


def _same(frame: Picture) -> Picture:
    return frame


def _cropped(ratio: float, frame: Picture) -> Picture:
    """Without a share of each side, half at either end."""
    height, width = frame.shape[:2]
    rows, columns = round(height * ratio / 2), round(width * ratio / 2)
    return frame[rows : height - rows, columns : width - columns]


def _scaled(frame: Picture, width: int, height: int) -> Picture:
    shrinks = width < frame.shape[1]
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def _letterboxed(colour: Sequence[int], frame: Picture) -> Picture:
    bar = frame.shape[0] // 8
    return np.asarray(cv2.copyMakeBorder(frame, bar, bar, 0, 0, cv2.BORDER_CONSTANT, value=list(map(float, colour))))


def _bordered(colour: Sequence[int], frame: Picture) -> Picture:
    px = frame.shape[1] // 20
    return np.asarray(cv2.copyMakeBorder(frame, px, px, px, px, cv2.BORDER_CONSTANT, value=list(map(float, colour))))


def _in_upright(ground: Callable[[Picture], Picture], frame: Picture) -> Picture:
    width, height = _UPRIGHT_PX
    strip = _scaled(frame, width, round(frame.shape[0] * width / frame.shape[1]))
    top = (height - strip.shape[0]) // 2
    picture = ground(frame).copy()
    picture[top : top + strip.shape[0]] = strip
    return picture


def _plain(colour: Sequence[int], _frame: Picture) -> Picture:
    return np.full((_UPRIGHT_PX[1], _UPRIGHT_PX[0], 3), colour, np.uint8)


def _blurred_ground(frame: Picture) -> Picture:
    """The picture, enlarged to the whole upright frame and blurred, as editors do."""
    width, height = _UPRIGHT_PX
    filling = _scaled(_upright(0.5, frame), width // 4, height // 4)
    return _scaled(np.asarray(cv2.GaussianBlur(filling, (0, 0), 5)), width, height)


def _upright(place: float, frame: Picture) -> Picture:
    """9:16 at full height; place 0 is at the left, 1 at the right."""
    height, width = frame.shape[:2]
    shown = round(height * 9 / 16)
    left = round(place * (width - shown))
    return frame[:, left : left + shown]


def _captioned(frame: Picture) -> Picture:
    picture = frame.copy()
    height, width = picture.shape[:2]
    for place, words in ((0.2, "WAIT FOR IT"), (0.9, "follow for more")):
        for colour, thickness in ((_BLACK, 5), (_WHITE, 2)):
            origin = (width // 12, round(height * place))
            cv2.putText(picture, words, origin, cv2.FONT_HERSHEY_DUPLEX, width / 480, colour, thickness)
    return picture


def _with_logo(frame: Picture) -> Picture:
    picture = frame.copy()
    height, width = picture.shape[:2]
    radius = height // 9
    cv2.circle(picture, (width - radius - 12, radius + 12), radius, (230, 40, 60), -1)
    return picture


def _other_hue(steps: int, frame: Picture) -> Picture:
    hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + steps) % 180
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB))


def _grey(frame: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def _turned(degrees: float, frame: Picture) -> Picture:
    height, width = frame.shape[:2]
    return np.asarray(
        cv2.warpAffine(frame, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), (width, height))
    )


def _faster(speed: float, frames: Frames) -> Made:
    return Made([frames[int(number * speed)] for number in range(int(len(frames) / speed))])


def _middle_third(frames: Frames) -> Made:
    first = len(frames) // 3
    return Made(frames[first : 2 * first], begins_seconds=-first / RATE_HZ)


def _in_picture(frames: Frames, other: Frames, random: np.random.Generator) -> Made:
    """At a third to three fifths of the width, at any place on another video."""
    width = round(WIDTH_PX * random.uniform(0.35, 0.6))
    height = round(width * HEIGHT_PX / WIDTH_PX)
    left, top = int(random.integers(8, WIDTH_PX - width - 8)), int(random.integers(8, HEIGHT_PX - height - 8))
    made = []
    for number, frame in enumerate(frames):
        ground = other[number % len(other)].copy()
        ground[top : top + height, left : left + width] = _scaled(frame, width, height)
        made.append(ground)
    return Made(made)


def _inside(frames: Frames, other: Frames, random: np.random.Generator) -> Made:
    """Five to nine seconds of another video before it and after it."""
    before, after = (round(RATE_HZ * random.uniform(5.0, 9.0)) for _ in range(2))
    return Made([*other[:before], *frames, *other[-after:]], begins_seconds=before / RATE_HZ)


def _colour(random: np.random.Generator) -> list[int]:
    return [int(level) for level in random.integers(0, 256, 3)]


KINDS: Final[dict[str, CopyKind]] = {
    **{f"quality {crf}": CopyKind(_each(_same).make, crf) for crf in (23, 32, 40)},
    **{f"cropped by {percent} %": _each(partial(_cropped, percent / 100)) for percent in (5, 10, 20)},
    "black bars": _each(partial(_letterboxed, _BLACK)),
    "upright, black bars": _each(partial(_in_upright, partial(_plain, _BLACK))),
    "upright, blurred bars": _each(partial(_in_upright, _blurred_ground)),
    "upright crop": _each(partial(_upright, 0.5)),
    "mirrored": _each(lambda frame: frame[:, ::-1]),
    "mirrored and cropped by 10 %": _each(lambda frame: _cropped(0.1, frame)[:, ::-1]),
    **{f"speed {speed}": _timed(partial(_faster, speed)) for speed in (1.1, 1.25, 2.0)},
    "captions": _each(_captioned),
    "logo": _each(_with_logo),
    "border": _drawn(lambda random: partial(_bordered, _WHITE if random.uniform() < 0.5 else _colour(random))),
    "other hue": _drawn(lambda random: partial(_other_hue, int(random.integers(30, 150)))),
    "brighter": _each(lambda frame: np.asarray(cv2.convertScaleAbs(frame, alpha=1.15, beta=25))),
    "grey": _each(_grey),
    "blurred": _each(lambda frame: np.asarray(cv2.GaussianBlur(frame, (0, 0), 3))),
    "picture in picture": CopyKind(_in_picture, has_other=True),
    "turned by 4 degrees": _drawn(lambda random: partial(_turned, 4.0 if random.uniform() < 0.5 else -4.0)),
    "stretched to 4:3": _each(lambda frame: _scaled(frame, frame.shape[0] * 4 // 3, frame.shape[0])),
    "half the frame rate": _timed(lambda frames: Made(frames[::2], RATE_HZ / 2)),
    "middle third": _timed(_middle_third),
    "inside a longer video": CopyKind(_inside, has_other=True),
    "bars of any colour": _drawn(lambda random: partial(_letterboxed, _colour(random))),
    "upright, bars of any colour": _drawn(lambda random: partial(_in_upright, partial(_plain, _colour(random)))),
    "upright crop anywhere": _drawn(lambda random: partial(_upright, random.uniform())),
}
"""28 kinds, and three more at the end."""
