"""Generated clips of one shot: pans of known speed, other cameras, objects, and pictures that only seem to move."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import TYPE_CHECKING, Final

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, MethodSpent
from ops.evaluate.sets.shots import PHOTOGRAPHS, held_out_material
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.decoded_motion import MeasuredVideo
    from ops.evaluate.motion_clips import MotionClip

NUM_ROUNDS: Final = {"small": 1, "full": 4}
"""Each has a clip of every kind, of other pictures."""
_FIRST_SEED: Final = 1_000
"""Thresholds were chosen on clips of smaller seeds."""
_SPEED: Final = "speed of the camera"
_CAMERA: Final = "share of the camera"
_STILL: Final = "still share, of motion"
_ALIKE: Final = "still share, of sampled pictures"


class Motion:
    """See the module."""

    name = "motion"
    version = 1
    description = (
        "Clips of 4 s, of drawn pictures and photographs: cameras that move, objects before fixed ones, grain, "
        "flicker, a cursor, slides. Thresholds were chosen on clips of other pictures and seeds."
    )
    subjects = (
        JudgedSubject(_SPEED, "Mean speed of a pan or of text that scrolls, over the true one; truth is 1."),
        JudgedSubject(_CAMERA, "Share of the motion that is the camera's: 1 if only it moves, 0 if it stands."),
        JudgedSubject(_STILL, "motion.static_ratio: share of the seconds in which nothing moves."),
        JudgedSubject(_ALIKE, "visual.static_ratio: share of sampled pictures that look like the one before."),
    )
    sources = (
        Source("generated", "Apache-2.0"),
        *(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in PHOTOGRAPHS),
    )
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("frames", "motion")
    models: tuple[str, ...] = ()

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield speed, share of the camera and both still shares of each clip."""
        from ops.evaluate.decoded_motion import measured_video
        from ops.evaluate.motion_clips import motion_clips
        from ops.evaluate.written_video import write_video

        material, path = held_out_material(run), run.folder / "clip.mp4"
        for number in range(NUM_ROUNDS[run.size]):
            for clip in motion_clips(material, _FIRST_SEED * (1 + run.seed) + number):
                write_video(path, clip.pictures(), clip.rate_hz)
                found = measured_video(path)
                yield from judgements_of(f"{clip.name} {number}", clip, found)
                yield MethodSpent(PRODUCT, found.cpu_seconds, found.duration_seconds)
                run.on_item()


def judgements_of(item: str, clip: MotionClip, found: MeasuredVideo) -> Iterator[Amount]:
    """Yield what is known of a clip, with what was said of it."""
    from operators.motion.energy import camera_ratio, still_ratio

    steps = found.motion.steps
    if clip.camera_widths_per_second is not None:
        said = fmean(step.camera for step in steps) / clip.camera_widths_per_second if steps else None
        yield Amount(_SPEED, item, PRODUCT, clip.kind, truth=1.0, said=said)
    if clip.camera_ratio is not None:
        yield Amount(_CAMERA, item, PRODUCT, clip.kind, truth=clip.camera_ratio, said=camera_ratio(steps))
    if clip.static_ratio is not None:
        yield Amount(_STILL, item, PRODUCT, clip.kind, truth=clip.static_ratio, said=still_ratio(steps))
        yield Amount(_ALIKE, item, PRODUCT, clip.kind, truth=clip.static_ratio, said=found.visual_static_ratio)
