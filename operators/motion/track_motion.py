"""Measures one motion track, in one call on the host's threads."""

from __future__ import annotations

from dataclasses import dataclass

from operators.media.tracks import MotionTrack
from operators.motion.energy import StepEnergy, motion_energy, observed_seconds, span_seconds
from operators.motion.flow import pair_motions
from operators.motion.shot_counts import ObservedSpan
from operators.motion.shots import transitions
from operators.motion.transitions import Transition


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
    num_pictures: int = 0

    @property
    def cuts_seconds(self) -> tuple[float, ...]:
        """The time of each change of shot, ascending."""
        return tuple(transition.at_seconds for transition in self.transitions)


def measure_motion(track: MotionTrack) -> TrackMotion:
    """Find the changes of shot, then measure flow between them."""
    found = transitions(track)
    cuts_seconds = [transition.at_seconds for transition in found]
    motions = pair_motions(track, cuts_seconds)
    return TrackMotion(
        found,
        motion_energy(motions),
        len(motions),
        observed_seconds(track),
        _spans(track, cuts_seconds),
        len(track.luma),
    )


def _spans(track: MotionTrack, cuts_seconds: list[float]) -> tuple[ObservedSpan, ...]:
    bounds = [(span, track.pts_seconds[span.first], track.pts_seconds[span.last - 1]) for span in track.spans]
    return tuple(
        ObservedSpan(span_seconds(track, span), sum(bool(first <= cut <= last) for cut in cuts_seconds))
        for span, first, last in bounds
    )
