"""What single frames show: tags, labels and embeddings of every model that looks at frames, quality, hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from models.card import Card
from operators.frames.copy_hashes import CopyHashes, copy_hashes
from operators.frames.displayed_size import displayed_px
from operators.frames.frame_features import look_at
from operators.frames.image_embedding import image_embedding
from operators.frames.perceptual_hash import PerceptualHash
from operators.frames.quality import video_quality
from operators.frames.static_ratio import static_ratio
from operators.label_evidence import label_scores
from operators.media.index import MediaIndex
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan, spans_between
from schemas.evidence import Embedding, Feature
from streams.analysis.agents.added_models import AddedAnswers
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.chat import said_by_chat
from streams.analysis.agents.clips import SampledVideo, said_of_clips
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.fan_out import fan_out
from streams.analysis.agents.frame_answers import all_models, ask_one, frame_answers, score_row, unlimited_models
from streams.analysis.agents.frame_labels import FrameModel, frame_labels
from streams.analysis.agents.frame_objects import frame_texts, regions_of, with_regions
from streams.analysis.agents.frame_tags import frame_tags
from streams.analysis.agents.limited_models import with_limited_models
from streams.analysis.agents.object_features import object_features
from streams.analysis.agents.on_screen_text import on_screen_text
from streams.analysis.agents.seen import share_features, unseen_apart_from_pictures, unseen_features
from streams.analysis.agents.seen_frame import SeenFrame

STANDS_SECONDS = 2.0
"""Longest time that one frame represents; more than the distance of two sampled frames in a video that is sampled
completely."""

_CONTAINER = "container-index@1"
_QUALITY = "picture-quality@2"
_HASH = "pdq@2"


async def analyse(work: AgentWork) -> Analysis:
    """Analyse the sampled frames of one upload while they are decoded.

    Raises:
        InvalidMedia, DeviceFault, Overloaded: see `MediaSession` and `Batcher.submit`.
    """
    tally = AgentUsage(work.host)
    index = await work.session.index()
    if index.video is None and index.video_fault is None:
        return Analysis(is_present=False, receipt=tally.receipt())
    sampled_frames = await fan_out(work.session.frames(), partial(_see, work, tally))
    frames = await with_limited_models(work, tally, sampled_frames)
    decode = await work.session.receipt()
    sampled = [seen.frame for seen in frames]
    pts_seconds, lumas = [frame.pts_seconds for frame in sampled], [seen.luma for seen in frames]
    hashes = await tally.on_host(partial(copy_hashes, pts_seconds, lumas, await work.session.motion()))
    analysis = _analysis(work, frames, hashes)
    spans = spans_between(pts_seconds, index.duration_seconds, _longest_seconds(index))
    labels, said, read = await asyncio.gather(
        frame_labels(work, tally, sampled, spans, _said(work, tally, frames)),
        _said_of_clips(work, tally, index, sampled, spans),
        on_screen_text(
            work,
            tally,
            await work.session.text_pictures(),
            {frame.pts_seconds: span for frame, span in zip(sampled, spans, strict=True)},
        ),
    )
    models, answered = all_models(work).cards, [(seen.frame, seen.answers) for seen in frames]
    features = {
        **analysis.features,
        **_container_features(work, index, frames, decode.coverage_ratio),
        **read.features,
        **share_features(work, "visual", decode.video),
        **unseen_features(work, "visual", unseen_apart_from_pictures(index)),
    }
    labels = with_regions(labels, models, work.class_names, answered) + said.labels + read.labels
    chat = await said_by_chat(work, tally, sampled, labels, read.texts)
    return replace(
        analysis,
        labels=labels + chat.labels,
        features={**features, **chat.features},
        embeddings={**analysis.embeddings, **said.embeddings, **read.embeddings},
        regions=regions_of(models, answered),
        texts=frame_texts(models, answered, spans) + said.texts + read.texts,
        receipt=tally.receipt(),
    )


async def _said_of_clips(
    work: AgentWork,
    tally: AgentUsage,
    index: MediaIndex,
    frames: Sequence[SampledFrame],
    spans: Sequence[TimeSpan],
) -> AddedAnswers:
    if index.video is None or not frames:
        return AddedAnswers()
    return await said_of_clips(work, tally, SampledVideo(index.video, frames, spans))


def _longest_seconds(index: MediaIndex) -> float:
    """Return how long one sampled frame may represent the video: until the next sample point of a short video, or as
    long as one picture may be shown, such as a slide."""
    return max(STANDS_SECONDS, index.video.longest_interval_seconds if index.video else 0.0)


async def _see(work: AgentWork, tally: AgentUsage, frame: SampledFrame) -> SeenFrame:
    models = unlimited_models(work)
    look = await tally.on_host(partial(look_at, frame.pixels, [how for _, how in models.whole]))
    return SeenFrame(
        frame=frame,
        quality=look.quality,
        thumbnail=look.thumbnail,
        luma=look.luma,
        answers=await frame_answers(work, tally, frame, look.squares, models),
    )


def _said(work: AgentWork, tally: AgentUsage, frames: Sequence[SeenFrame]) -> list[tuple[FrameModel, np.ndarray]]:
    """What the models with labels said of the frames, and how to ask them of others."""

    async def ask(card: Card, frame: SampledFrame) -> np.ndarray:
        return score_row(card, work.class_names.of(card), await ask_one(work, tally, card, frame))

    def scores(card: Card, rows: np.ndarray) -> Mapping[str, np.ndarray]:
        combination = card.scores.combination if card.scores is not None else "max"
        return label_scores(card, work.class_names.of(card), rows, combination)

    def said(card: Card) -> np.ndarray:
        names = work.class_names.of(card)
        return np.stack([score_row(card, names, seen.answer_of(card)) for seen in frames])

    return [
        (FrameModel(card, partial(ask, card), partial(scores, card)), said(card))
        for card in all_models(work).cards
        if card.labels
    ]


def _analysis(work: AgentWork, frames: Sequence[SeenFrame], hashes: CopyHashes) -> Analysis:
    """Return everything that the frames provide, except labels."""
    cards = [card for card, _ in all_models(work).whole]
    return Analysis(
        features={
            **frame_tags(work, cards, frames),
            **object_features(work, cards, frames),
            **features_of(work, _HASH, _hash_lists([seen.frame.pts_seconds for seen in frames], hashes)),
            **_quality_features(work, frames),
        },
        embeddings=_embeddings(work, cards, frames),
    )


def _embeddings(work: AgentWork, cards: Iterable[Card], frames: Sequence[SeenFrame]) -> dict[str, Embedding]:
    embeddings: dict[str, Embedding] = {}
    for card in cards:
        asked = [seen.answer_of(card).values for seen in frames]
        if card.embedding is not None and any(asked):
            vector = image_embedding(np.stack([values[card.embedding.index] for values in asked if values]))
            embeddings |= embedding_of(work, card, vector.tolist())
    return embeddings


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


def _hash_lists(pts_seconds: Sequence[float], hashes: CopyHashes) -> dict[str, object]:
    return {
        "visual.perceptual_hashes": [
            {"pts_seconds": seconds, **_hash_entry(whole)}
            for seconds, whole in zip(pts_seconds, hashes.wholes, strict=True)
        ],
        "visual.part_hashes": [
            {"pts_seconds": each.pts_seconds, "part": each.part, **_hash_entry(each.found)} for each in hashes.parts
        ],
    }


def _hash_entry(found: PerceptualHash) -> dict[str, object]:
    return {"hash": found.hexadecimal, "quality": found.quality}
