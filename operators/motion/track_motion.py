"""Measures one motion track, in one call on the host's threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.media.tracks import MotionTrack
from operators.motion.early_keyframes import AT_CUT_SECONDS, early_keyframes
from operators.motion.energy import StepEnergy, motion_energy, observed_seconds, span_seconds
from operators.motion.flow import pair_motions
from operators.motion.shot_counts import ObservedSpan
from operators.motion.shots import transitions
from operators.motion.transitions import Transition

TIME_SLACK_SECONDS = 0.005
"""Times are rounded."""


@dataclass(frozen=True, slots=True)
class TrackMotion:
    """Changes of shot and motion of a video."""

    transitions: tuple[Transition, ...]
    """Ascending."""
    steps: tuple[StepEnergy, ...]
    num_pairs: int
    """Number of frame pairs whose flow was measured."""
    observed_seconds: float
    observed_spans: tuple[ObservedSpan, ...] = ()
    num_early_keyframes: int = 0
    """Of the whole video, as far as its keyframes are known."""
    num_pictures: int = 0

    @property
    def cuts_seconds(self) -> tuple[float, ...]:
        """The time of each change of shot, ascending."""
        return tuple(transition.at_seconds for transition in self.transitions)


def measure_motion(track: MotionTrack, keyframes_seconds: Sequence[float] = ()) -> TrackMotion:
    """Find the changes of shot, then measure flow between them.

    Args:
        track: what was decoded.
        keyframes_seconds: of the whole video, ascending; empty if not all are known.
    """
    found = transitions(track)
    cuts_seconds = [transition.at_seconds for transition in found]
    motions = pair_motions(track, cuts_seconds)
    early_seconds = early_keyframes(keyframes_seconds)
    return TrackMotion(
        found,
        motion_energy(motions),
        len(motions),
        observed_seconds(track),
        _spans(track, np.array(cuts_seconds), early_seconds),
        len(early_seconds),
        len(track.luma),
    )


def _spans(track: MotionTrack, cuts_seconds: np.ndarray, early_seconds: np.ndarray) -> tuple[ObservedSpan, ...]:
    bounds = [(span, track.pts_seconds[span.first], track.pts_seconds[span.last - 1]) for span in track.spans]
    return tuple(
        _span(span_seconds(track, span), _within(cuts_seconds, first, last), _within(early_seconds, first, last))
        for span, first, last in bounds
    )


def _within(seconds: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return the times that a span can show: what is at its first picture cannot be compared with one before."""
    return seconds[(seconds > first + TIME_SLACK_SECONDS) & (seconds <= last)]


def _span(seconds: float, cuts: np.ndarray, early: np.ndarray) -> ObservedSpan:
    at_keyframe = (np.abs(cuts[:, None] - early[None, :]) <= AT_CUT_SECONDS).any(axis=1)
    return ObservedSpan(seconds, len(cuts), len(early), int(np.count_nonzero(at_keyframe)))
