"""Measures one motion track, in one call on the host's threads."""

from __future__ import annotations

from dataclasses import dataclass

from operators.media.tracks import MotionTrack
from operators.motion.energy import StepEnergy, motion_energy, observed_seconds
from operators.motion.flow import pair_motions
from operators.motion.shots import cut_times


@dataclass(frozen=True, slots=True)
class TrackMotion:
    """Cuts and motion of a video."""

    cuts_seconds: tuple[float, ...]
    """Ascending; first frames of new shots."""
    steps: tuple[StepEnergy, ...]
    num_pairs: int
    """Number of frame pairs whose flow was measured."""
    observed_seconds: float
    num_pictures: int = 0


def measure_motion(track: MotionTrack) -> TrackMotion:
    """Find the cuts, then measure flow between them."""
    cuts_seconds = cut_times(track)
    motions = pair_motions(track, cuts_seconds)
    return TrackMotion(cuts_seconds, motion_energy(motions), len(motions), observed_seconds(track), len(track.luma))
