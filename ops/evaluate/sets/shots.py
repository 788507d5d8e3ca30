"""Generated sequences of shots: hard cuts, jump cuts, fades, dissolves, wipes, and disturbances that are none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, Choice, MethodSpent, Timed, TrueSpan
from schemas.identity import Modality

if TYPE_CHECKING:
    from operators.media.plan import PlanPolicy
    from operators.motion.shot_counts import ShotCount
    from operators.motion.transitions import Transition
    from ops.evaluate.joined_sequences import Sequence as ShotSequence
    from ops.evaluate.scene_material import Picture, SceneMaterial

PHOTOGRAPHS: Final = ("scikit-image", "gradio")
NUM_SEQUENCES: Final = {"small": 5, "full": 48}
PYSCENEDETECT: Final = "PySceneDetect AdaptiveDetector"
ALONE: Final = "vidsignal without pictures for models"
TOLERANCE_SECONDS: Final = 0.25
_FIRST_SEED: Final = 100_000
"""Thresholds were chosen on sequences of smaller seeds."""
_HARD: Final = "hard cuts"
_ALL: Final = "changes of shot"
_OVERLAP: Final = "overlap of gradual changes"
_SHOTS: Final = "number of shots, 100 s and longer"
_NUM_LONG: Final = {"small": 0, "full": 6}
_ESTIMATED: Final = "number of shots, where a part is analysed"
_INTERVAL: Final = "interval of that number"
_HOLDS: Final = "holds"
_MISSES: Final = "misses"
_NUM_SAMPLED: Final = {"small": 0, "full": 20}


class Shots:
    """See the module."""

    name = "shots"
    version = 2
    description = (
        "Sequences of about ten seconds, of drawn pictures and photographs under moving cameras with objects, 24 to 60 "
        "pictures a second, 180 to 640 lines; flashes, whip pans, crash zooms, shakes, lamps and objects that pass are "
        "no changes. Thresholds were chosen on sequences of other pictures and seeds."
    )
    subjects = (
        JudgedSubject(
            _HARD,
            "Cuts and jump cuts, also of dark, flat and short shots. Other methods name no kinds: what they find "
            "within a gradual change counts for nothing.",
            tolerance_seconds=TOLERANCE_SECONDS,
        ),
        JudgedSubject(
            _ALL, "Fades, dissolves and wipes as well, each once, by their middle.", tolerance_seconds=TOLERANCE_SECONDS
        ),
        JudgedSubject(
            _OVERLAP, "What the found begin and end have in common with the true ones, of all that either covers."
        ),
        JudgedSubject(_SHOTS, "Shots that were found in a video of small pictures, over the true number; truth is 1."),
        JudgedSubject(
            _ESTIMATED, "Shots as estimated from a part of 7 to 15 minutes, over the true number; truth is 1."
        ),
        JudgedSubject(_INTERVAL, "Right if the true number is within the stated 95 % interval."),
    )
    sources = (
        Source("generated", "Apache-2.0"),
        *(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in PHOTOGRAPHS),
    )
    references = (Reference(PYSCENEDETECT, module="scenedetect"),)
    modalities: tuple[Modality, ...] = ("motion",)
    models: tuple[str, ...] = ()

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield the times of changes, what gradual ones cover, and the number of shots of long videos."""
        from ops.evaluate.joined_sequences import drawn_sequence
        from ops.evaluate.long_sequences import drawn_long_sequence, drawn_sampled_sequence

        material = held_out_material(run)
        _warm_up(run)
        for number in range(NUM_SEQUENCES[run.size]):
            sequence = drawn_sequence(f"sequence {number:02d}", _seed(run, number), material)
            yield from _judged(sequence, run)
            run.on_item()
        for number in range(_NUM_LONG[run.size]):
            yield from _judged_long(
                drawn_long_sequence(f"long video {number}", _seed(run, 10_000 + number), material), run
            )
            run.on_item()
        for number in range(_NUM_SAMPLED[run.size]):
            name, seed = f"sampled video {number:02d}", _seed(run, 20_000 + number)
            yield from _judged_long(drawn_sampled_sequence(name, seed, material), run)
            run.on_item()


def held_out_material(run: EvaluationRun) -> SceneMaterial:
    """Return the pictures that no threshold was chosen on. Raises NotMeasurable."""
    from ops.evaluate.scene_material import material_of

    return material_of("held-out", run.seed, [files_of(name, run.data_dir) for name in PHOTOGRAPHS])


def _warm_up(run: EvaluationRun) -> None:
    """Let every method load its modules: a process does so once, and not for each video."""
    from ops.evaluate.decoded_motion import measured_video
    from ops.evaluate.written_video import write_video

    path = run.folder / "first.mp4"
    write_video(path, noise_pictures(), 25.0)
    measured_video(path)
    if PYSCENEDETECT in run.references:
        adaptive_times(path)
    path.unlink()


def noise_pictures() -> Iterator[Picture]:
    """Yield a second of two shots that move."""
    import numpy as np

    for scene in range(2):
        wide = np.random.default_rng(scene).integers(0, 256, (90, 200, 3), np.uint8).repeat(2, axis=0).repeat(2, axis=1)
        yield from (np.ascontiguousarray(wide[:, place : place + 320]) for place in range(12))


def _seed(run: EvaluationRun, number: int) -> int:
    return _FIRST_SEED * (1 + run.seed) + number


def _judged(sequence: ShotSequence, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
    from ops.evaluate.decoded_motion import measured_video
    from ops.evaluate.written_video import write_video

    path = run.folder / "sequence.mp4"
    write_video(path, sequence.pictures(), sequence.rate_hz, group=sequence.group)
    found = measured_video(path)
    transitions, truth, frame_seconds = found.motion.transitions, sequence.changes, 1 / sequence.rate_hz
    cuts = tuple(each.at_seconds for each in transitions if each.kind == "cut")
    yield _timed(_HARD, sequence.name, PRODUCT, hard_only(truth), cuts, frame_seconds)
    yield _timed(_ALL, sequence.name, PRODUCT, truth, found.motion.cuts_seconds, frame_seconds)
    yield from overlaps(sequence.name, truth, transitions)
    yield MethodSpent(PRODUCT, found.cpu_seconds, found.duration_seconds)
    if PYSCENEDETECT in run.references:
        yield MethodSpent(ALONE, measured_video(path, alone()).cpu_seconds, found.duration_seconds)
        began = time.process_time()
        times = adaptive_times(path)
        yield MethodSpent(PYSCENEDETECT, time.process_time() - began, found.duration_seconds)
        outside = outside_of_gradual(times, truth)
        yield _timed(_HARD, sequence.name, PYSCENEDETECT, hard_only(truth), outside, frame_seconds)
        yield _timed(_ALL, sequence.name, PYSCENEDETECT, truth, times, frame_seconds)
    path.unlink()


def alone() -> PlanPolicy:
    """Return the default plan of cuts and motion: other agents' pictures are no work of a detector of cuts."""
    from operators.media.plan import PlanPolicy

    return PlanPolicy(max_frames=1, max_text_pictures=0)


def _timed(
    subject: str, item: str, method: str, truth: Sequence[TrueSpan], said: Sequence[float], frame_seconds: float
) -> Timed:
    return Timed(subject, item, method, "", tuple(truth), tuple(said), frame_seconds)


def hard_only(truth: Sequence[TrueSpan]) -> tuple[TrueSpan, ...]:
    """Return the changes without length."""
    return tuple(span for span in truth if span.start_seconds == span.end_seconds)


def outside_of_gradual(times: Sequence[float], truth: Sequence[TrueSpan]) -> tuple[float, ...]:
    """Return the times that are not within a gradual change."""
    gradual = [(span.start_seconds, span.end_seconds) for span in truth if span.start_seconds < span.end_seconds]
    reach = TOLERANCE_SECONDS
    return tuple(at for at in times if not any(start - reach <= at <= end + reach for start, end in gradual))


def overlaps(item: str, truth: Sequence[TrueSpan], found: Sequence[Transition]) -> Iterator[Amount]:
    """Yield intersection over union of each gradual change with what was found of its kind; abstains if nothing was."""
    for span in truth:
        if span.start_seconds == span.end_seconds:
            continue
        family = span.kind.partition("-")[0]
        shares = [_overlap(span, each) for each in found if each.kind == family]
        best = max(shares, default=0.0)
        name = f"{item}, {span.start_seconds:.2f} s"
        yield Amount(_OVERLAP, name, PRODUCT, span.kind, truth=1.0, said=best if best > 0.0 else None)


def _overlap(span: TrueSpan, found: Transition) -> float:
    common = min(span.end_seconds, found.end_seconds) - max(span.start_seconds, found.begin_seconds)
    joined = max(span.end_seconds, found.end_seconds) - min(span.start_seconds, found.begin_seconds)
    return max(0.0, common) / joined if joined > 0.0 else 0.0


def adaptive_times(path: Path) -> list[float]:
    """Return where PySceneDetect's AdaptiveDetector finds cuts, at its defaults."""
    scenedetect: Any = import_module("scenedetect")
    manager = scenedetect.SceneManager()
    manager.add_detector(scenedetect.AdaptiveDetector())
    manager.detect_scenes(scenedetect.open_video(str(path)))
    return [float(start.seconds) for start, _ in manager.get_scene_list()[1:]]


def _judged_long(sequence: ShotSequence, run: EvaluationRun) -> Iterator[AnyJudgement]:
    from operators.motion.energy import observed_ratio
    from operators.motion.shot_counts import shot_count
    from ops.evaluate.decoded_motion import measured_video
    from ops.evaluate.written_video import write_video

    path = run.folder / "long.mp4"
    write_video(path, sequence.pictures(), sequence.rate_hz, group=sequence.group)
    found = measured_video(path)
    ratio = observed_ratio(found.motion.observed_seconds, found.duration_seconds)
    said = shot_count(found.motion.observed_spans, found.duration_seconds, ratio, found.motion.num_early_keyframes)
    yield from counted_shots(sequence.name, len(sequence.parts), said)
    path.unlink()


def counted_shots(item: str, num_shots: int, said: ShotCount) -> Iterator[AnyJudgement]:
    """Yield the number of shots that is stated, and of an estimate whether its interval holds the true one."""
    subject = _ESTIMATED if said.is_estimated else _SHOTS
    yield Amount(subject, item, PRODUCT, "", truth=1.0, said=said.num_shots / num_shots)
    if said.is_estimated:
        holds = said.low <= num_shots <= said.high
        yield Choice(_INTERVAL, item, PRODUCT, "", truth=(_HOLDS,), said=_HOLDS if holds else _MISSES)
