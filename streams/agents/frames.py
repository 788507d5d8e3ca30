"""What single frames show: tags, likeness, nudity, firearms, quality, perceptual hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from models.catalogue import CARDS
from operators.frames.displayed_size import displayed_px
from operators.frames.firearms import firearm_evidence
from operators.frames.frame_look import look_at
from operators.frames.image_embedding import image_embedding
from operators.frames.nudity import nudity_evidence
from operators.frames.perceptual_hash import PerceptualHash
from operators.frames.quality import FrameQuality, video_quality
from operators.frames.static_share import static_ratio
from operators.frames.tags import top_tags
from operators.label_evidence import model_name
from operators.media.index import MediaIndex
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan, spans_between
from schemas.evidence import Feature
from streams.agents.analysis import Analysis, Work
from streams.agents.described import embedding_of, features_of
from streams.agents.fan_out import fan_out
from streams.agents.seen import share_features, unseen_beside_pictures, unseen_features
from streams.agents.tally import Tally

CLASSIFIER = CARDS["efficientnet-lite0"]
NUDITY = CARDS["opennsfw"]

_CONTAINER = "container-index@1"
_QUALITY = "picture-quality@1"
_HASH = "pdq@1"


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """What is kept of one sampled frame."""

    pts_seconds: float
    height_px: int
    width_px: int
    quality: FrameQuality
    perceptual_hash: PerceptualHash
    thumbnail: np.ndarray
    """(32, 32) uint8."""
    probabilities: np.ndarray
    """(1000,) float32."""
    embedding: np.ndarray
    """(1280,) float32."""
    nudity_score: float


async def analyse(work: Work) -> Analysis:
    """Look at the sampled frames of one upload as they are decoded.

    Raises:
        InvalidMedia, DeviceFault, Overloaded: See `MediaSession` and `Batcher.submit`.
    """
    tally = Tally(work.host)
    index = await work.session.index()
    if index.video is None and index.video_fault is None:
        return Analysis(is_present=False, receipt=tally.receipt())
    frames = await fan_out(work.session.frames(), partial(_see, work, tally))
    decode = await work.session.receipt()
    analysis = _analysis(work, frames, spans_between([frame.pts_seconds for frame in frames], index.duration_seconds))
    features = {
        **analysis.features,
        **_container_features(work, index, frames, decode.coverage_ratio),
        **share_features(work, "visual", decode.video),
        **unseen_features(work, "visual", unseen_beside_pictures(index)),
    }
    return replace(analysis, features=features, receipt=tally.receipt())


async def _see(work: Work, tally: Tally, frame: SampledFrame) -> SeenFrame:
    look = await tally.on_host(partial(look_at, frame.pixels))
    classified, nudity = await asyncio.gather(
        work.inference.batcher(CLASSIFIER.name).submit(look.classifier_pixels, work.ticket),
        work.inference.batcher(NUDITY.name).submit(look.nudity_pixels, work.ticket),
    )
    tally.add((classified, nudity))
    probabilities, embedding = classified.values
    return SeenFrame(
        pts_seconds=frame.pts_seconds,
        height_px=frame.pixels.shape[0],
        width_px=frame.pixels.shape[1],
        quality=look.quality,
        perceptual_hash=look.perceptual_hash,
        thumbnail=look.thumbnail,
        probabilities=probabilities,
        embedding=embedding,
        nudity_score=float(nudity.values[0]),
    )


def _analysis(work: Work, frames: Sequence[SeenFrame], spans: Sequence[TimeSpan]) -> Analysis:
    """All that the frames themselves say."""
    probabilities = np.stack([frame.probabilities for frame in frames])
    nudity_scores = np.array([frame.nudity_score for frame in frames], dtype=np.float32)
    names = work.class_names.images
    embedding = image_embedding(np.stack([frame.embedding for frame in frames]))
    return Analysis(
        labels=(
            *nudity_evidence(NUDITY, nudity_scores, spans),
            *firearm_evidence(CLASSIFIER, names, probabilities, spans),
        ),
        features={
            **features_of(work, model_name(CLASSIFIER), {"visual.tags": top_tags(probabilities, names)}),
            **features_of(work, _HASH, {"visual.perceptual_hashes": [_hash_entry(frame) for frame in frames]}),
            **_quality_features(work, frames),
        },
        embeddings=embedding_of(work, CLASSIFIER, embedding.tolist()),
    )


def _container_features(
    work: Work, index: MediaIndex, frames: Sequence[SeenFrame], coverage_ratio: float
) -> dict[str, Feature]:
    assert index.video is not None
    width_px, height_px = displayed_px(index.video, frames[0].height_px, frames[0].width_px)
    values = {
        "visual.duration_seconds": index.duration_seconds,
        "visual.width_px": width_px,
        "visual.height_px": height_px,
        "visual.sampled_frames": len(frames),
        "visual.coverage_ratio": coverage_ratio,
    }
    return features_of(work, _CONTAINER, values)


def _quality_features(work: Work, frames: Sequence[SeenFrame]) -> dict[str, Feature]:
    quality = video_quality([frame.quality for frame in frames])
    values = {
        "visual.sharpness_ratio": quality.sharpness_ratio,
        "visual.brightness_ratio": quality.brightness_ratio,
        "visual.contrast_ratio": quality.contrast_ratio,
        "visual.underexposed_ratio": quality.underexposed_ratio,
        "visual.overexposed_ratio": quality.overexposed_ratio,
        "visual.letterbox_ratio": quality.letterbox_ratio,
        "visual.static_ratio": static_ratio([frame.thumbnail for frame in frames]),
    }
    return features_of(work, _QUALITY, values)


def _hash_entry(frame: SeenFrame) -> dict[str, object]:
    return {
        "pts_seconds": frame.pts_seconds,
        "hash": frame.perceptual_hash.hexadecimal,
        "quality": frame.perceptual_hash.quality,
    }
