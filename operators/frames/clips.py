"""Clips of a video: which frames they hold, and what a model is given of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from models.model_input import ClipInput, FrameInput
from operators.frames.image_input import frame_input
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan

Item = TypeVar("Item")

_SLACK_SECONDS = 1e-3
"""Times of a plan and of pictures differ by rounding."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Times of a clip's frames; the frame that is shown at each belongs to it."""

    span: TimeSpan
    seconds: tuple[float, ...]
    """Ascending; one may stand several times in a video that is shorter than the clip."""


def sampled_clips(pts_seconds: Sequence[float], spans: Sequence[TimeSpan], how: ClipInput) -> tuple[Clip, ...]:
    """Cut the sampled frames of a video into clips, one after another; the last one ends with the last frame.

    Args:
        pts_seconds: of the sampled frames, ascending, at least one.
        spans: the time that each represents.
        how: of the card.
    """
    last = len(pts_seconds) - 1
    last_start = max(0, last - (how.num_frames - 1) * how.stride)
    starts = [*range(0, last_start, how.num_frames * how.stride), last_start]
    clips = [[min(start + place * how.stride, last) for place in range(how.num_frames)] for start in starts]
    return tuple(
        Clip(
            TimeSpan(spans[places[0]].start_seconds, spans[places[-1]].end_seconds),
            tuple(pts_seconds[place] for place in places),
        )
        for places in _spread(clips, how.max_clips)
    )


def timed_clips(start_seconds: float, duration_seconds: float, how: ClipInput) -> tuple[Clip, ...]:
    """Spread clips with a card's distance between frames evenly over a video; as many as fit, at least one."""
    assert how.frame_seconds is not None
    length_seconds = how.num_frames * how.frame_seconds
    num_clips = max(1, min(how.max_clips, int(duration_seconds / length_seconds)))
    return tuple(
        _timed(start_seconds + max(0.0, (number + 0.5) * duration_seconds / num_clips - length_seconds / 2), how)
        for number in range(num_clips)
    )


def clip_items(
    clips: Mapping[ClipInput, Sequence[Clip]], pictures: Sequence[SampledFrame]
) -> dict[ClipInput, list[np.ndarray]]:
    """Return what the models are given; a frame is scaled once for all clips and cards that want it alike.

    Args:
        clips: of each distinct input.
        pictures: sampled ones and those that were decoded for clips, at least one.
    """
    shown = sorted(pictures, key=lambda picture: picture.pts_seconds)
    times = [picture.pts_seconds for picture in shown]
    squares: dict[tuple[int, FrameInput], np.ndarray] = {}

    def square(seconds: float, frame: FrameInput) -> np.ndarray:
        place = max(0, bisect_right(times, seconds + _SLACK_SECONDS) - 1)
        if (place, frame) not in squares:
            squares[place, frame] = frame_input(shown[place].pixels, frame)
        return squares[place, frame]

    return {
        how: [np.stack([square(seconds, how.frame) for seconds in clip.seconds]) for clip in found]
        for how, found in clips.items()
    }


def _timed(start_seconds: float, how: ClipInput) -> Clip:
    assert how.frame_seconds is not None
    seconds = tuple(start_seconds + place * how.frame_seconds for place in range(how.num_frames))
    return Clip(TimeSpan(start_seconds, seconds[-1] + how.frame_seconds), seconds)


def _spread(items: Sequence[Item], limit: int) -> Iterable[Item]:
    """Return at most `limit` items, evenly spread."""
    number = min(limit, len(items))
    return (items[(2 * place + 1) * len(items) // (2 * number)] for place in range(number))
