"""Speed of motion in the picture, and the camera's part of it.

Dense optical flow by inverse search (T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).
Camera motion is the shift, turn and zoom that most of the flow agrees on (RANSAC; M. Fischler, R. Bolles, 1981); the
rest is the motion of objects. Both are in picture widths per second, independent of the resolution. Only lit parts
count: motion in the dark is invisible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from operators.media.tracks import MotionTrack

MAX_PAIRS_PER_SECOND = 4.0
"""Movement changes slowly compared with the cost of measuring it."""
STILL_LUMA_LEVELS = 0.25
"""Mean difference of two pictures, of 255, up to which no flow is computed: repeated frames and still pictures."""

MIN_SIDE_PX = 32
"""Patches of 8 px at a quarter of the size: the minimum of the search. With less, OpenCV 5.0 returns nan or crashes the
process, so narrower pictures are not measured."""

LIT_LUMA = 24
"""From this luma on something is visible; codecs flatten darker parts."""
MIN_LIT_POINTS = 8
"""Of the grid; with fewer lit points nothing is measured, because camera motion needs this many."""

_TIME_SLACK_SECONDS = 0.001
"""Frame times are rounded; a pair that is early by that much still counts."""
_GRID_PX = 6
"""Distance of the evaluated flow vectors."""
_RANSAC_PX = 0.5
"""Vectors within this distance of the camera's belong to the camera motion."""


@dataclass(frozen=True, slots=True)
class PairMotion:
    """Motion between two successive frames."""

    pts_seconds: float
    """Of the first of the two."""
    camera: float
    """Mean over the picture, widths per second."""
    object: float
    """Mean over the picture of the motion that the camera does not explain, widths per second."""


class FlowMeter:
    """Measures pairs of one size; not thread-safe."""

    def __init__(self, height: int, width: int) -> None:
        """Prepare the grid of points at which flow is evaluated; both sides are at least `MIN_SIDE_PX`."""
        # OpenCV's stubs require an initial flow, which would cost time and not help.
        self._search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        rows = np.arange(_GRID_PX // 2, height, _GRID_PX)
        columns = np.arange(_GRID_PX // 2, width, _GRID_PX)
        self._grid = np.ix_(rows, columns)
        columns_px, rows_px = np.meshgrid(columns, rows)
        self._points = np.stack([columns_px.ravel(), rows_px.ravel()], axis=1).astype(np.float32)
        self._width = width

    def measure(self, first: np.ndarray, second: np.ndarray) -> tuple[float, float] | None:
        """Return camera and object motion between two (h, w) uint8 pictures, in widths per pair; None in the dark."""
        is_lit = self._lit_points(first, second)
        if np.count_nonzero(is_lit) < MIN_LIT_POINTS:
            return None
        if cv2.absdiff(first, second).mean() <= STILL_LUMA_LEVELS * is_lit.mean():
            return 0.0, 0.0
        flow = self._search.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None)
        flow = flow[self._grid].reshape(-1, 2)[is_lit]
        camera = self._camera_flow(flow, self._points[is_lit])
        return _mean_length(camera) / self._width, _mean_length(flow - camera) / self._width

    def _lit_points(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return (N,) bool: points of the grid around which either picture shows something; noise in the dark does not
        count."""
        brightest = cv2.blur(cv2.max(first, second), (_GRID_PX, _GRID_PX))
        return np.asarray(brightest[self._grid].reshape(-1) >= LIT_LUMA)

    @staticmethod
    def _camera_flow(flow: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) px: the camera's motion at each point; zero if no motion is agreed on."""
        matrix, _ = cv2.estimateAffinePartial2D(
            points, points + flow, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX, maxIters=200
        )
        if matrix is None:
            return np.zeros_like(flow)
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2] - points)


def pair_motions(track: MotionTrack, cuts_seconds: Iterable[float]) -> tuple[PairMotion, ...]:
    """Measure evenly chosen pairs of every span; none across a cut, in the dark, or of pictures too small to search.

    Args:
        track: the pictures.
        cuts_seconds: times of the first frames of shots, as `shots.cut_times` returns them.
    """
    if min(track.luma.shape[1:]) < MIN_SIDE_PX:
        return ()
    meter = FlowMeter(*track.luma.shape[1:])
    measured = (_pair_motion(meter, track, frame) for frame in chosen_pairs(track, frozenset(cuts_seconds)))
    return tuple(motion for motion in measured if motion is not None)


def chosen_pairs(track: MotionTrack, cuts_seconds: frozenset[float]) -> Iterator[int]:
    """Return the indices of the second frames of the pairs, at most `MAX_PAIRS_PER_SECOND`."""
    for span in track.spans:
        next_seconds = -np.inf
        for frame in range(span.first + 1, span.last):
            at_seconds = float(track.pts_seconds[frame])
            if at_seconds >= next_seconds and at_seconds not in cuts_seconds:
                next_seconds = at_seconds + 1.0 / MAX_PAIRS_PER_SECOND - _TIME_SLACK_SECONDS
                yield frame


def _pair_motion(meter: FlowMeter, track: MotionTrack, frame: int) -> PairMotion | None:
    measured = meter.measure(track.luma[frame - 1], track.luma[frame])
    if measured is None:
        return None
    camera, residual = measured
    before_seconds, at_seconds = (float(seconds) for seconds in track.pts_seconds[frame - 1 : frame + 1])
    interval_seconds = at_seconds - before_seconds
    return PairMotion(before_seconds, camera / interval_seconds, residual / interval_seconds)


def _mean_length(vectors: np.ndarray) -> float:
    return float(np.hypot(vectors[:, 0], vectors[:, 1]).mean())
