"""The motion agent: shots, camera and object motion, pace. It uses no model."""

from __future__ import annotations

from functools import partial

from operators.motion.early_keyframes import known_keyframes
from operators.motion.energy import StepEnergy, camera_ratio, mean_energy, observed_ratio, still_ratio
from operators.motion.pace import cuts_per_minute, mean_shot_seconds, pace
from operators.motion.shot_counts import shot_count
from operators.motion.track_motion import TrackMotion, measure_motion
from operators.motion.transitions import Transition
from schemas.evidence import Feature
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.described import features_of
from streams.analysis.agents.seen import share_features

_SHOTS = "shot-changes@3"
_FLOW = "dis-flow@3"
_PACE = "pace@2"


async def analyse(work: AgentWork) -> Analysis:
    """Measure the motion of one upload.

    Raises:
        InvalidMedia: see `MediaSession`.
    """
    tally = AgentUsage(work.host)
    track = await work.session.motion()
    if track is None:
        return Analysis(is_present=False, receipt=tally.receipt())
    video = (await work.session.index()).video
    motion = await tally.on_host(partial(measure_motion, track, known_keyframes(video)))
    shots = _CountedShots(motion, video.duration_seconds if video else 0.0)
    return Analysis(
        features={
            **_shot_features(work, motion, shots),
            **_energy_features(work, motion),
            **_pace_features(work, motion, shots),
            **share_features(work, "motion", (await work.session.receipt()).video),
        },
        receipt=tally.receipt(num_items=motion.num_pairs),
    )


class _CountedShots:
    """Shots of the whole video, counted or estimated."""

    def __init__(self, motion: TrackMotion, duration_seconds: float) -> None:
        self.observed_ratio = 1.0 if _is_still(motion) else observed_ratio(motion.observed_seconds, duration_seconds)
        self.count = shot_count(
            motion.observed_spans, duration_seconds, self.observed_ratio, motion.num_early_keyframes
        )
        is_whole = not self.count.is_estimated
        self.cuts_per_minute = (
            cuts_per_minute(len(motion.cuts_seconds), motion.observed_seconds)
            if is_whole
            else cuts_per_minute(self.count.num_shots - 1, duration_seconds)
        )


def _shot_features(work: AgentWork, motion: TrackMotion, shots: _CountedShots) -> dict[str, Feature]:
    num_cuts = len(motion.cuts_seconds)
    values = {
        "motion.estimated_num_shots": shots.count.num_shots,
        "motion.estimated_num_shots_range": [shots.count.low, shots.count.high],
        "motion.is_num_shots_estimated": float(shots.count.is_estimated),
        "motion.transitions": [_transition_entry(each) for each in motion.transitions if each.kind != "cut"],
        "motion.cut_times_seconds": list(motion.cuts_seconds),
        "motion.num_shots": num_cuts + 1,
        "motion.mean_shot_seconds": mean_shot_seconds(num_cuts, motion.observed_seconds),
        "motion.cuts_per_minute": shots.cuts_per_minute,
        "motion.analysed_seconds": motion.observed_seconds,
        "motion.observed_ratio": shots.observed_ratio,
    }
    return features_of(work, _SHOTS, values)


def _transition_entry(transition: Transition) -> dict[str, object]:
    return {
        "kind": transition.kind,
        "begin_seconds": transition.begin_seconds,
        "end_seconds": transition.end_seconds,
    }


def _energy_features(work: AgentWork, motion: TrackMotion) -> dict[str, Feature]:
    values = {
        "motion.energy": [_energy_entry(step) for step in motion.steps],
        "motion.mean_energy": _mean_energy(motion),
        "motion.camera_ratio": camera_ratio(motion.steps),
        "motion.static_ratio": still_ratio(motion.steps),
    }
    return features_of(work, _FLOW, values)


def _energy_entry(step: StepEnergy) -> dict[str, float]:
    return {"start_seconds": step.start_seconds, "camera": step.camera, "object": step.object}


def _pace_features(work: AgentWork, motion: TrackMotion, shots: _CountedShots) -> dict[str, Feature]:
    energy = _mean_energy(motion)
    return features_of(work, _PACE, {"motion.pace": None if energy is None else pace(shots.cuts_per_minute, energy)})


def _mean_energy(motion: TrackMotion) -> float | None:
    """Return 0 for a single picture, which does not move, and None if only dark frames exist, of which nothing is
    known."""
    return 0.0 if _is_still(motion) else mean_energy(motion.steps)


def _is_still(motion: TrackMotion) -> bool:
    return motion.num_pictures == 1
