"""Changes of shot in a track.

At the full rate of a video, hard cuts stand out from the movement around them; fades are flat runs with their ramps;
dissolves and wipes are searched in the stretches between. Stretches that were not decoded divide a track into spans,
and no pictures are compared across such a gap: a change of shot in one is not found.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from operators.media.tracks import MotionTrack, OutlineTrack
from operators.motion.content_change import ContentChange
from operators.motion.dissolves import dissolves
from operators.motion.fades import fades
from operators.motion.hard_cuts import hard_cuts
from operators.motion.transitions import ShotChange, Transition
from operators.motion.wipes import wipes

OUTLINE_PX = 64 * 36
MIN_STRETCH_PICTURES = 5
"""Shortest stretch in which a gradual change is searched."""


def transitions(track: MotionTrack) -> tuple[Transition, ...]:
    """Return every change of shot, ascending; precise to one picture of the outlines, or of the track without them."""
    outlines = track.outlines or _outlines_of(track)
    found = (
        _transition(outlines.pts_seconds[span.first : span.last], change)
        for span in outlines.spans
        for change in span_changes(outlines.pts_seconds[span.first : span.last], outlines.luma[span.first : span.last])
    )
    return tuple(found)


def span_changes(seconds: np.ndarray, luma: np.ndarray) -> list[ShotChange]:
    """Return the changes of shot of one span, ascending.

    Args:
        seconds: (N,) of its pictures.
        luma: (N, h, w) uint8.
    """
    if len(seconds) < 2:
        return []
    change = ContentChange(luma)
    deviations = luma.reshape(len(luma), -1).std(axis=1)
    flat = fades(seconds, deviations, change)
    cuts = [cut for cut in hard_cuts(seconds, change.successive(), change) if not _is_inside(cut, flat)]
    found = [fade for fade in flat if fade.begin > 0 and fade.end < len(seconds) - 1]
    found += [ShotChange("cut", cut, cut, cut) for cut in cuts]
    coarse = _halved(luma)
    for first, last in _stretches(len(seconds), cuts, flat):
        found += _gradual(seconds[first:last], coarse[first:last], first)
    return sorted(found, key=lambda each: each.at)


def _halved(luma: np.ndarray) -> np.ndarray:
    """Return (N, h // 2, w // 2) float32: means of four pixels each."""
    height, width = luma.shape[1] // 2 * 2, luma.shape[2] // 2 * 2
    upper, lower = luma[:, 0:height:2, :width].astype(np.uint16), luma[:, 1:height:2, :width]
    rows = upper + lower
    return np.asarray((rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25))


def _gradual(seconds: np.ndarray, luma: np.ndarray, offset: int) -> list[ShotChange]:
    """Return dissolves and wipes of a stretch; of two that overlap the first kind counts."""
    found = dissolves(seconds, luma)
    wiped = [wipe for wipe in wipes(seconds, luma) if not any(_overlap(wipe, other) for other in found)]
    return [ShotChange(each.kind, each.begin + offset, each.end + offset, each.at + offset) for each in found + wiped]


def _overlap(one: ShotChange, other: ShotChange) -> bool:
    return one.begin <= other.end and other.begin <= one.end


def _is_inside(picture: int, flat: list[ShotChange]) -> bool:
    return any(fade.begin <= picture <= fade.end + 1 for fade in flat)


def _stretches(length: int, cuts: list[int], flat: list[ShotChange]) -> Iterator[tuple[int, int]]:
    """Return stretches [first, last) without cuts and flat runs that are long enough for a gradual change."""
    borders = sorted([(cut, cut) for cut in cuts] + [(fade.begin, fade.end) for fade in flat])
    first = 0
    for begin, end in [*borders, (length, length)]:
        if begin - first >= MIN_STRETCH_PICTURES:
            yield first, begin
        first = max(first, end)


def _transition(seconds: np.ndarray, change: ShotChange) -> Transition:
    begin, end, at = (float(seconds[picture]) for picture in (change.begin, change.end, change.at))
    return Transition(change.kind, begin, end, at)


def _outlines_of(track: MotionTrack) -> OutlineTrack:
    """Return outlines at the rate of the track."""
    height, width = track.luma.shape[1:]
    scale = min(1.0, (OUTLINE_PX / (height * width)) ** 0.5) if height * width else 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    luma = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in track.luma]
    pictures = np.stack(luma) if luma else np.zeros((0, *size[::-1]), np.uint8)
    return OutlineTrack(track.pts_seconds, np.asarray(pictures, np.uint8), track.spans)
