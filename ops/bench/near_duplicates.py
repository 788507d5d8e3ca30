"""Measures how many copies of clips are recognised, by which method, and how often unrelated clips are reported as
copies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from ops.assets import fetch_samples, fetch_weights, samples_dir
from ops.bench.copied_clips import COPIES, make_copy
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure
from ops.local_analysis_session import open_local_analysis
from schemas.outcomes import Outcome
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.similarity.near_duplicates import (
    CANDIDATE_COSINE,
    NEAR_PICTURE_BITS,
    NEAR_VIDEO_COSINE,
    SAME_PICTURE_BITS,
    SAME_VIDEO_COSINE,
    SAME_VIDEO_RATIO,
    FrameSimilarity,
    frame_similarity,
)
from streams.similarity.query import PICTURE_SPACE
from streams.similarity.video_hashes import VideoHashes, video_hashes

ORIGINALS: Final = (
    "bigbuckbunny.mp4",
    "bikes.mp4",
    "carphone_pristine.mp4",
    "cityCC0.mpg",
    "obama_speech.mp4",
    "park.mp4",
    "shot_change.mp4",
    "small.mp4",
)
"""Clips of different contents."""
METHODS: Final[dict[str, Callable[[FrameSimilarity], bool]]] = {
    "hash": lambda found: found.found_by == "hash",
    "hash or both": lambda found: found.found_by in ("hash", "hash and embedding"),
    "any": lambda found: found.is_near_duplicate,
    "candidate": lambda found: found.is_candidate,
}
ORIGINAL: Final = "original"
_FEWER = 4


@dataclass(frozen=True, slots=True)
class AnalysedClip:
    """Analysis of one file."""

    content: str
    """File name of the original."""
    copy: str
    """A name of `COPIES`, or `original`."""
    hashes: VideoHashes
    embedding: np.ndarray
    """(1280,) float32 of length one."""


def bench_near_duplicates(options: BenchOptions) -> BenchReport:
    """Measure; takes two minutes on two cores, the first time with encoding."""
    cache_dir = read_settings().cache_dir
    fetch_weights(cache_dir)
    fetch_samples(cache_dir)
    files = _files(cache_dir, ORIGINALS[:_FEWER] if options.is_quick else ORIGINALS, options)
    roots = ",".join(sorted({str(path.parent) for path in files.values()}))
    clips = asyncio.run(_analyse(read_settings(media_roots=roots), files, options))
    copies = {name: _against_originals(clips, name) for name in COPIES}
    strangers = [_compare(a, b) for a, b in combinations(clips, 2) if a.content != b.content]
    return BenchReport(
        bench="near-duplicates",
        machine=describe_machine(),
        figures=(*_recalls(copies), *_false_matches(strangers), *_margins(copies, strangers)),
        competitors={"similarity": _described(copies)},
        remarks=(
            f"{len(clips)} clips of {len(clips) // (1 + len(COPIES))} contents; {len(strangers)} pairs of strangers",
            f"hash: {SAME_VIDEO_RATIO:.0%} of frames within {SAME_PICTURE_BITS} of 256 bits, mirrored or not; both: "
            f"within {NEAR_PICTURE_BITS} bits, with a cosine of at least {NEAR_VIDEO_COSINE}; "
            f"any: these, and a cosine of at least {SAME_VIDEO_COSINE}; candidate: at least {CANDIDATE_COSINE} alone",
            "so few contents say little of false matches among millions of videos: fit thresholds to your own",
        ),
    )


def _files(cache_dir: Path, originals: Sequence[str], options: BenchOptions) -> dict[tuple[str, str], Path]:
    """Return files by content and copy; copies are created once."""
    folder = cache_dir / "bench" / "copies"
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[tuple[str, str], Path] = {}
    for content in originals:
        files[content, ORIGINAL] = samples_dir(cache_dir) / content
        for name, copy in COPIES.items():
            target = folder / f"{Path(content).stem}-{name.replace(' ', '-')}.mp4"
            if not target.is_file():
                options.say(f"encoding {target.name}, once ...")
                make_copy(samples_dir(cache_dir) / content, copy, target)
            files[content, name] = target
    return files


async def _analyse(
    settings: Settings, files: Mapping[tuple[str, str], Path], options: BenchOptions
) -> list[AnalysedClip]:
    options.say(f"analysing {len(files)} clips ...")
    uploads = [
        VideoUploaded(video_id=f"clip-{number}", source=FileSource(path=str(path)))
        for number, path in enumerate(files.values())
    ]
    async with open_local_analysis(settings) as (analysis, _):
        outcomes = await asyncio.gather(*(analysis.outcome_of(upload) for upload in uploads))
    return [_clip(content, copy, outcome) for (content, copy), outcome in zip(files, outcomes, strict=True)]


def _clip(content: str, copy: str, outcome: Outcome) -> AnalysedClip:
    record = outcome.record
    if PICTURE_SPACE not in record.embeddings:
        raise RuntimeError(f"{content}, {copy}: no embedding; failed: {outcome.verdict.modalities.failed}")
    embedding = np.array(record.embeddings[PICTURE_SPACE].unpack(), dtype=np.float32)
    return AnalysedClip(content, copy, video_hashes(record.features), embedding / np.linalg.norm(embedding))


def _compare(first: AnalysedClip, second: AnalysedClip) -> FrameSimilarity:
    return frame_similarity(first.hashes, second.hashes, float(first.embedding @ second.embedding))


def _against_originals(clips: Sequence[AnalysedClip], name: str) -> dict[str, FrameSimilarity]:
    """Return the similarity of each copy to its original, by content."""
    originals = {clip.content: clip for clip in clips if clip.copy == ORIGINAL}
    return {clip.content: _compare(clip, originals[clip.content]) for clip in clips if clip.copy == name}


def _recalls(copies: Mapping[str, Mapping[str, FrameSimilarity]]) -> list[Figure]:
    return [
        Figure(f"{name}, found by {method}", _ratio([is_same(each) for each in found.values()]), "ratio", bound)
        for name, found in copies.items()
        for method, is_same in METHODS.items()
        for bound in [Bound("at least", 1.0) if (name, method) == ("re-encoded", "hash") else None]
    ]


def _false_matches(strangers: Sequence[FrameSimilarity]) -> list[Figure]:
    return [
        Figure(f"strangers, matched by {method}", sum(map(is_same, strangers)), "pairs", Bound("at most", 0.0))
        for method, is_same in METHODS.items()
    ]


def _margins(copies: Mapping[str, Mapping[str, FrameSimilarity]], strangers: Sequence[FrameSimilarity]) -> list[Figure]:
    """Return the distances to the thresholds."""
    return [
        *(
            Figure(f"{name}, lowest cosine", min(each.cosine for each in found.values()), "cosine")
            for name, found in copies.items()
        ),
        Figure("strangers, highest cosine", max(each.cosine for each in strangers), "cosine"),
        Figure("strangers, most frames matched", max(each.matched_ratio for each in strangers), "ratio"),
    ]


def _described(copies: Mapping[str, Mapping[str, FrameSimilarity]]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        name: {content: {"frames": each.matched_ratio, "cosine": each.cosine} for content, each in found.items()}
        for name, found in copies.items()
    }


def _ratio(answers: Sequence[bool]) -> float:
    return sum(answers) / len(answers)
