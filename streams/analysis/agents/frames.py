"""What single frames show: tags, similarity, nudity, firearms, quality, perceptual hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from models.card_registry import CARDS
from operators.frames.displayed_size import displayed_px
from operators.frames.firearms import firearm_scores
from operators.frames.frame_features import look_at
from operators.frames.image_embedding import image_embedding
from operators.frames.image_input import classifier_input, nudity_input
from operators.frames.nudity import nudity_scores
from operators.frames.perceptual_hash import PerceptualHash
from operators.frames.quality import FrameQuality, video_quality
from operators.frames.static_ratio import static_ratio
from operators.frames.tags import top_tags
from operators.label_evidence import model_name
from operators.media.index import MediaIndex
from operators.media.tracks import SampledFrame
from operators.segments import spans_between
from schemas.evidence import Feature
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.fan_out import fan_out
from streams.analysis.agents.frame_labels import FrameModel, frame_labels
from streams.analysis.agents.seen import share_features, unseen_beside_pictures, unseen_features

CLASSIFIER = CARDS["efficientnet-lite0"]
NUDITY = CARDS["opennsfw"]

STANDS_SECONDS = 2.0
"""More than is between two sampled frames of a video that is looked at from end to end."""

_CONTAINER = "container-index@1"
_QUALITY = "picture-quality@1"
_HASH = "pdq@1"


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """What is kept of one sampled frame."""

    frame: SampledFrame
    quality: FrameQuality
    perceptual_hash: PerceptualHash
    thumbnail: np.ndarray
    """(32, 32) uint8."""
    probabilities: np.ndarray
    """(1000,) float32."""
    embedding: np.ndarray
    """(1280,) float32."""
    nudity_score: float


async def analyse(work: AgentWork) -> Analysis:
    """Look at the sampled frames of one upload as they are decoded.

    Raises:
        InvalidMedia, DeviceFault, Overloaded: See `MediaSession` and `Batcher.submit`.
    """
    tally = AgentUsage(work.host)
    index = await work.session.index()
    if index.video is None and index.video_fault is None:
        return Analysis(is_present=False, receipt=tally.receipt())
    frames = await fan_out(work.session.frames(), partial(_see, work, tally))
    decode = await work.session.receipt()
    analysis = _analysis(work, frames)
    sampled = [seen.frame for seen in frames]
    spans = spans_between([frame.pts_seconds for frame in sampled], index.duration_seconds, _longest_seconds(index))
    labels = await frame_labels(work, tally, sampled, spans, _said(work, tally, frames))
    features = {
        **analysis.features,
        **_container_features(work, index, frames, decode.coverage_ratio),
        **share_features(work, "visual", decode.video),
        **unseen_features(work, "visual", unseen_beside_pictures(index)),
    }
    return replace(analysis, labels=labels, features=features, receipt=tally.receipt())


def _longest_seconds(index: MediaIndex) -> float:
    """How long one sampled frame may stand for what is shown: up to the next sample of a short video, or as long as a
    picture may stand by itself, as a slide does."""
    return max(STANDS_SECONDS, index.video.longest_interval_seconds if index.video else 0.0)


async def _see(work: AgentWork, tally: AgentUsage, frame: SampledFrame) -> SeenFrame:
    look = await tally.on_host(partial(look_at, frame.pixels))
    classified, nudity = await asyncio.gather(
        work.inference.batcher(CLASSIFIER.name).submit(look.classifier_pixels, work.context),
        work.inference.batcher(NUDITY.name).submit(look.nudity_pixels, work.context),
    )
    tally.add((classified, nudity))
    probabilities, embedding = classified.values
    return SeenFrame(
        frame=frame,
        quality=look.quality,
        perceptual_hash=look.perceptual_hash,
        thumbnail=look.thumbnail,
        probabilities=probabilities,
        embedding=embedding,
        nudity_score=float(nudity.values[0]),
    )


def _said(work: AgentWork, tally: AgentUsage, frames: Sequence[SeenFrame]) -> list[tuple[FrameModel, np.ndarray]]:
    """What the models said of the frames, and how to ask them of others."""

    async def ask(model: str, prepare: Callable[[np.ndarray], np.ndarray], frame: SampledFrame) -> np.ndarray:
        output = await work.inference.batcher(model).submit(
            await tally.on_host(partial(prepare, frame.pixels)), work.context
        )
        tally.add((output,))
        return output.values[0]

    names = work.class_names.images
    nudity = FrameModel(NUDITY, partial(ask, NUDITY.name, nudity_input), partial(nudity_scores, NUDITY))
    firearms = FrameModel(
        CLASSIFIER, partial(ask, CLASSIFIER.name, classifier_input), partial(firearm_scores, CLASSIFIER, names)
    )
    return [
        (nudity, np.array([seen.nudity_score for seen in frames], dtype=np.float32)),
        (firearms, np.stack([seen.probabilities for seen in frames])),
    ]


def _analysis(work: AgentWork, frames: Sequence[SeenFrame]) -> Analysis:
    """All that the frames themselves say, but for labels."""
    probabilities = np.stack([frame.probabilities for frame in frames])
    names = work.class_names.images
    embedding = image_embedding(np.stack([frame.embedding for frame in frames]))
    return Analysis(
        features={
            **features_of(work, model_name(CLASSIFIER), {"visual.tags": top_tags(probabilities, names)}),
            **features_of(work, _HASH, {"visual.perceptual_hashes": [_hash_entry(frame) for frame in frames]}),
            **_quality_features(work, frames),
        },
        embeddings=embedding_of(work, CLASSIFIER, embedding.tolist()),
    )


def _container_features(
    work: AgentWork, index: MediaIndex, frames: Sequence[SeenFrame], coverage_ratio: float
) -> dict[str, Feature]:
    assert index.video is not None
    width_px, height_px = displayed_px(index.video, *frames[0].frame.pixels.shape[:2])
    values = {
        "visual.duration_seconds": index.duration_seconds,
        "visual.width_px": width_px,
        "visual.height_px": height_px,
        "visual.sampled_frames": len(frames),
        "visual.coverage_ratio": coverage_ratio,
    }
    return features_of(work, _CONTAINER, values)


def _quality_features(work: AgentWork, frames: Sequence[SeenFrame]) -> dict[str, Feature]:
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
        "pts_seconds": frame.frame.pts_seconds,
        "hash": frame.perceptual_hash.hexadecimal,
        "quality": frame.perceptual_hash.quality,
    }
