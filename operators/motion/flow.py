"""Speed of motion in the picture, and the camera's part of it.

Dense optical flow by inverse search (T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).
Camera motion is the shift, turn and zoom that most of the flow agrees on (RANSAC; M. Fischler, R. Bolles, 1981); the
rest is the motion of objects. Both are in picture widths per second, independent of the resolution.

Only lit parts count: motion in the dark is invisible. Flow of plain surfaces is a guess, so the camera is fitted to
textured points, and what did not change did not move. A camera that moves moves everything: the parts of the picture
vote on it (`camera_votes`), those with little texture, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from operators.exposure import MatchedPair, matched
from operators.media.tracks import MotionTrack
from operators.motion.camera_votes import CameraVoter, parts_of

MAX_PAIRS_PER_SECOND = 2.0
"""Movement changes slowly compared with the cost of measuring it: more change no figure of the generated clips."""
STILL_LUMA_LEVELS = 0.25
"""Mean difference of two pictures, of 255, up to which no flow is computed: repeated frames and still pictures."""

MIN_SIDE_PX = 32
"""Patches of 8 px at a quarter of the size: the minimum of the search. With less, OpenCV 5.0 returns nan or crashes the
process, so narrower pictures are not measured."""

LIT_LUMA = 24
"""From this luma on something is visible; codecs flatten darker parts."""
MIN_LIT_POINTS = 8
"""Of the grid; with fewer lit points nothing is measured, because camera motion needs this many."""

FAR_STEPS = 3
"""Distance of the two frames of a pair if hardly anything moved between successive ones."""
SLOW_WIDTHS = 0.012
"""Motion of a pair, in widths, from which it is exact: two pixels."""

_TIME_SLACK_SECONDS = 0.001
"""Frame times are rounded; a pair that is early by that much still counts."""
_GRID_PX = 6
"""Distance of the evaluated flow vectors."""
_RANSAC_PX = 0.5
"""Vectors within this distance of the camera's belong to the camera motion."""
_RANSAC_RATIO = 0.1
"""The same as share of the median length of the flow, if that is more: fast flow is less exact."""
_MIN_GRADIENT_LEVELS = 2.0
"""Mean gradient around a point, per pixel, from which it is textured."""
_STILL_PX = 0.12
"""Shift up to which a textured point stands still, as its change divided by its gradient states it."""
_MIN_CHANGE_LEVELS = 0.3
"""Mean change around a point; less is what a codec does to a picture that stands still."""
_MAX_NOISE_LEVELS = 3.0
"""Highest change of plain surfaces that is taken for noise."""
_MIN_CAMERA_PX = 0.3
"""Mean shift of a camera that moves; less is what noise and flicker do to the flow."""


@dataclass(frozen=True, slots=True)
class PairMotion:
    """Motion between two successive frames."""

    pts_seconds: float
    """Of the picture before the second: if it is compared with an earlier one, only the last interval is known to
    move."""
    camera: float
    """Mean over the picture, widths per second."""
    object: float
    """Mean over the picture of the motion that the camera does not explain, widths per second."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Motion from one picture to another, in widths."""

    camera: float
    object: float
    is_clear: bool = True
    """Whether most textured points agree on the camera: that it moves, or that it stands still."""

    @property
    def length(self) -> float:
        """Of both."""
        return self.camera + self.object


STILL = Shift(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Texture:
    """What can be seen to move around each of N points of the grid."""

    is_textured: np.ndarray
    has_changed: np.ndarray
    """By motion or by noise."""
    is_still: np.ndarray
    """Whether nothing changed, beyond noise, that a shift along the gradient would have changed."""

    @property
    def may_move(self) -> bool:
        """Whether there is enough to see of a camera that moves."""
        return bool(np.count_nonzero(self.is_textured & self.has_changed) >= MIN_LIT_POINTS)


@dataclass(frozen=True, slots=True)
class _Movement:
    """What moves at each of N points."""

    camera: np.ndarray
    """(N, 2) px; zero if it stands still."""
    objects: np.ndarray
    """(N,) px."""
    is_clear: bool = True


class FlowMeter:
    """Measures pairs of one size; not thread-safe."""

    def __init__(self, height: int, width: int) -> None:
        """Prepare the grid of points at which flow is evaluated; both sides are at least `MIN_SIDE_PX`."""
        # OpenCV's stubs require an initial flow, which would cost time and not help.
        self._search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        rows = np.arange(_GRID_PX // 2, height, _GRID_PX)
        columns = np.arange(_GRID_PX // 2, width, _GRID_PX)
        self._grid = np.ix_(rows, columns)
        self._inner = np.ix_(np.clip(rows - 1, 0, height - 3), np.clip(columns - 1, 0, width - 3))
        columns_px, rows_px = np.meshgrid(columns, rows)
        self._points = np.stack([columns_px.ravel(), rows_px.ravel()], axis=1).astype(np.float32)
        num_rows, num_columns = parts_of(height, width)
        self._parts = rows_px.ravel() * num_rows // height, columns_px.ravel() * num_columns // width
        self._width = width

    def measure(self, first: np.ndarray, second: np.ndarray) -> Shift | None:
        """Return camera and object motion between two (h, w) uint8 pictures; None in the dark."""
        is_lit = self._lit_points(first, second)
        if np.count_nonzero(is_lit) < MIN_LIT_POINTS:
            return None
        pair = matched(first, second)
        if pair.difference.mean() <= STILL_LUMA_LEVELS * is_lit.mean():
            return STILL
        seen = self._texture(pair, is_lit)
        if not (is_lit & ~seen.is_still).any() and not seen.may_move:
            return STILL
        movement = self._movement(pair, seen)
        camera_px, object_px = _mean_length(movement.camera[is_lit]), float(movement.objects[is_lit].mean())
        return Shift(camera_px / self._width, object_px / self._width, movement.is_clear)

    def _movement(self, pair: MatchedPair, seen: Texture) -> _Movement:
        flow = self._flow(pair.first, pair.second)
        if not seen.may_move:
            return _standing(flow, seen)
        voter = CameraVoter(pair.first, pair.second)
        found = self._judged(flow, seen, voter)
        if found is None:
            flow = self._far_flow(pair)
            found = self._judged(flow, seen, voter)
        return _standing(flow, seen, is_clear=False) if found is None else found

    def _flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return (N, 2) px at the points of the grid."""
        return np.asarray(self._search.calc(first, second, None)[self._grid].reshape(-1, 2))

    def _far_flow(self, pair: MatchedPair) -> np.ndarray:
        """Return (N, 2) px for a camera that turns faster than the search reaches: flow after a shift of the whole."""
        window = cv2.createHanningWindow(pair.first.shape[::-1], cv2.CV_32F)
        first, second = pair.first.astype(np.float32), pair.second.astype(np.float32)
        (right, down), _ = cv2.phaseCorrelate(first, second, window)
        shift = np.array([round(right), round(down)], np.float32)
        back = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float32)
        second = np.asarray(pair.second)
        shifted: Any = cv2.warpAffine(second, back, second.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        return self._flow(pair.first, shifted) + shift

    def _lit_points(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return (N,) bool: points of the grid around which either picture shows something; noise in the dark does not
        count."""
        brightest = cv2.blur(cv2.max(first, second), (_GRID_PX, _GRID_PX))
        return np.asarray(brightest[self._grid].reshape(-1) >= LIT_LUMA)

    def _texture(self, pair: MatchedPair, is_lit: np.ndarray) -> Texture:
        smooth = cv2.blur(pair.first, (3, 3))
        across = cv2.absdiff(smooth[1:-1, 2:], smooth[1:-1, :-2])
        gradient = _around(self._inner, cv2.add(across, cv2.absdiff(smooth[2:, 1:-1], smooth[:-2, 1:-1]))) / 2
        change = _around(self._grid, cv2.absdiff(smooth, cv2.blur(pair.second, (3, 3))))
        is_textured = is_lit & (gradient >= _MIN_GRADIENT_LEVELS)
        plain = change[is_lit & ~is_textured]
        noise = min(_MAX_NOISE_LEVELS, _quantile(plain, 0.25)) if len(plain) else 0.5
        visible = np.maximum(change - 1.5 * noise - _MIN_CHANGE_LEVELS, 0.0)
        return Texture(is_textured, change > _MIN_CHANGE_LEVELS, visible <= _STILL_PX * np.maximum(gradient, 1.0))

    def _judged(self, flow: np.ndarray, seen: Texture, voter: CameraVoter) -> _Movement | None:
        """Return what moves if most of the picture agrees on the camera's part in it, None otherwise."""
        matrix = self._fitted(flow, seen.is_textured & seen.has_changed)
        if matrix is None:
            return None
        camera = np.asarray(self._points @ matrix[:, :2].T + matrix[:, 2] - self._points)
        if _mean_length(camera) < _MIN_CAMERA_PX:
            return _standing(flow, seen)
        votes = voter.votes(matrix)
        if votes.is_moving:
            is_moving = seen.is_textured & ~seen.is_still & ~votes.explained[self._parts]
            return _Movement(camera, _unexplained(flow, camera, is_moving))
        return _standing(flow, seen) if votes.is_standing else None

    def _fitted(self, flow: np.ndarray, is_moving: np.ndarray) -> np.ndarray | None:
        """Return the (2, 3) shift, turn and zoom that most of what moves agrees on."""
        points, moving = self._points[is_moving], flow[is_moving]
        reach_px = max(_RANSAC_PX, _RANSAC_RATIO * _quantile(np.hypot(moving[:, 0], moving[:, 1]), 0.5))
        matrix, _ = cv2.estimateAffinePartial2D(
            points, points + moving, method=cv2.RANSAC, ransacReprojThreshold=reach_px, maxIters=200
        )
        return None if matrix is None else np.asarray(matrix)


def _around(grid: tuple[np.ndarray, ...], levels: np.ndarray) -> np.ndarray:
    """Return (N,) float64: the mean around each point of a grid."""
    mean = cv2.boxFilter(levels, cv2.CV_32F, (_GRID_PX + 1, _GRID_PX + 1))
    return np.asarray(mean[grid].reshape(-1), np.float64)


def _standing(flow: np.ndarray, seen: Texture, *, is_clear: bool = True) -> _Movement:
    """Return the flow of objects before a camera that does not move, or not as anything states."""
    objects = np.where(seen.is_still, 0.0, np.hypot(flow[:, 0], flow[:, 1]))
    return _Movement(np.zeros_like(flow), objects, is_clear)


def _unexplained(flow: np.ndarray, camera: np.ndarray, is_moving: np.ndarray) -> np.ndarray:
    """Return (N,) px: motion of objects at each point; flow of plain surfaces under a moving camera is none."""
    length = np.hypot(*(flow - camera).T)
    tolerance = np.maximum(_RANSAC_PX, _RANSAC_RATIO * np.hypot(camera[:, 0], camera[:, 1]))
    return np.where(is_moving & (length > tolerance), length, 0.0)


def pair_motions(track: MotionTrack, cuts_seconds: Iterable[float]) -> tuple[PairMotion, ...]:
    """Measure evenly chosen pairs of every span; none across a cut, in the dark, or of pictures too small to search.

    Args:
        track: the pictures.
        cuts_seconds: times of the first frames of shots, as `shots.transitions` finds them.
    """
    if min(track.luma.shape[1:]) < MIN_SIDE_PX:
        return ()
    steps = _StepMeter(track)
    measured = (steps.measure(earliest, frame) for earliest, frame in chosen_pairs(track, tuple(cuts_seconds)))
    return tuple(motion for motion in measured if motion is not None)


def chosen_pairs(track: MotionTrack, cuts_seconds: Iterable[float]) -> Iterator[tuple[int, int]]:
    """Return the earliest possible first frame, and the second frame, of each pair: at most `MAX_PAIRS_PER_SECOND`."""
    cuts = np.sort(np.array(list(cuts_seconds), dtype=np.float64))
    is_first_of_shot = np.zeros(len(track.pts_seconds), bool)
    after = np.searchsorted(track.pts_seconds, cuts - _TIME_SLACK_SECONDS)
    is_first_of_shot[after[after < len(is_first_of_shot)]] = True
    for span in track.spans:
        next_seconds, earliest = -np.inf, span.first
        for frame in range(span.first + 1, span.last):
            at_seconds = float(track.pts_seconds[frame])
            if is_first_of_shot[frame]:
                earliest = frame
            elif at_seconds >= next_seconds:
                next_seconds = at_seconds + 1.0 / MAX_PAIRS_PER_SECOND - _TIME_SLACK_SECONDS
                yield earliest, frame


class _StepMeter:
    """Measures pictures of a track against the previous one; against an earlier one while hardly anything moves."""

    def __init__(self, track: MotionTrack) -> None:
        self._track = track
        self._meter = FlowMeter(*track.luma.shape[1:])
        self._last: Shift | None = None
        """Of the last picture that was measured against an earlier one."""

    def measure(self, earliest: int, frame: int) -> PairMotion | None:
        """Return the motion up to a picture, measured from one that is not before `earliest`; None in the dark."""
        far = max(earliest, frame - FAR_STEPS)
        farther = self._shift(far, frame) if self._last is not None else None
        if farther is not None and self._continues(farther, frame - far):
            return self._motion(farther, far, frame)
        shift, self._last = self._shift(frame - 1, frame), None
        if shift is not None and shift.length < SLOW_WIDTHS:
            self._last = farther = farther or self._shift(far, frame)
            if farther is not None and (farther.is_clear or not shift.camera):
                return self._motion(farther, far, frame)
        return None if shift is None else self._motion(shift, frame - 1, frame)

    def _continues(self, farther: Shift, num_steps: int) -> bool:
        """Return whether it is as slow as before, or as still, so that the previous picture adds nothing."""
        is_alike = self._last is not None and (self._last.length > 0.0) == (farther.length > 0.0)
        return is_alike and farther.is_clear and farther.length < num_steps * SLOW_WIDTHS

    def _shift(self, before: int, frame: int) -> Shift | None:
        return self._meter.measure(self._track.luma[before], self._track.luma[frame])

    def _motion(self, shift: Shift, before: int, frame: int) -> PairMotion:
        seconds = self._track.pts_seconds
        interval_seconds = float(seconds[frame] - seconds[before])
        return PairMotion(float(seconds[frame - 1]), shift.camera / interval_seconds, shift.object / interval_seconds)


def _quantile(values: np.ndarray, share: float) -> float:
    """Return the value at that share of them; quicker than NumPy's, which interpolates."""
    place = int(share * (len(values) - 1))
    return float(np.partition(values, place)[place])


def _mean_length(vectors: np.ndarray) -> float:
    return float(np.hypot(vectors[:, 0], vectors[:, 1]).mean())
