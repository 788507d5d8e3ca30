"""Motion energy over the duration of a video."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from operators.media.tracks import MotionSpan, MotionTrack
from operators.motion.flow import PairMotion

STEP_SECONDS = 1.0
STILL_WIDTHS_PER_SECOND = 0.002
"""Up to this mean speed nothing moves but a cursor or a leaf: a fiftieth of the picture at a tenth of its width per
second is as much."""

ROUNDING_SECONDS = 0.2
"""About a frame at either end of a video that was analysed completely."""


@dataclass(frozen=True, slots=True)
class StepEnergy:
    """Mean motion of one step, in picture widths per second."""

    start_seconds: float
    camera: float
    object: float

    @property
    def total(self) -> float:
        """Camera and objects together."""
        return self.camera + self.object


def motion_energy(motions: Sequence[PairMotion]) -> tuple[StepEnergy, ...]:
    """Return the mean motion of every second in which any was measured, ascending."""
    by_step: defaultdict[int, list[PairMotion]] = defaultdict(list)
    for motion in motions:
        by_step[math.floor(motion.pts_seconds / STEP_SECONDS)].append(motion)
    return tuple(
        StepEnergy(
            start_seconds=step * STEP_SECONDS,
            camera=fmean(motion.camera for motion in found),
            object=fmean(motion.object for motion in found),
        )
        for step, found in sorted(by_step.items())
    )


def mean_energy(steps: Sequence[StepEnergy]) -> float | None:
    """Return the mean of camera and object motion together, in widths per second; None without steps, as in the
    dark."""
    return fmean(step.total for step in steps) if steps else None


def camera_ratio(steps: Sequence[StepEnergy]) -> float | None:
    """Return the share of the motion that the camera explains, [0, 1]; None without motion."""
    total = sum(step.total for step in steps)
    return sum(step.camera for step in steps) / total if total > 0.0 else None


def still_ratio(steps: Sequence[StepEnergy]) -> float | None:
    """Return the share of seconds without motion, [0, 1]; None without steps, as in a video of one frame."""
    return fmean(step.total <= STILL_WIDTHS_PER_SECOND for step in steps) if steps else None


def observed_ratio(looked_at_seconds: float, duration_seconds: float) -> float:
    """Return the share of a video of that length whose cuts and motion were analysed, [0, 1].

    Args:
        looked_at_seconds: see `observed_seconds`.
        duration_seconds: of the pictures.
    """
    return min(1.0, (looked_at_seconds + ROUNDING_SECONDS) / max(duration_seconds, ROUNDING_SECONDS))


def observed_seconds(track: MotionTrack) -> float:
    """Return the duration that the track shows: all of a short video, the dense segments of a long one."""
    return sum(span_seconds(track, span) for span in track.spans)


def span_seconds(track: MotionTrack, span: MotionSpan) -> float:
    """Return the time from the first frame to the end of the last, which is shown for the mean frame duration."""
    num_intervals = span.last - span.first - 1
    if num_intervals < 1:
        return 0.0
    elapsed_seconds = float(track.pts_seconds[span.last - 1] - track.pts_seconds[span.first])
    return elapsed_seconds * (num_intervals + 1) / num_intervals
