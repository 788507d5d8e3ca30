"""Text in the pictures: read in a few of them, judged like a title, and said where it cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from models.card_registry import card_of_use
from models.text_reading import MODE
from operators.context.passages import Passage
from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import ON_SCREEN_ABUSE
from operators.context.recognised_text import read_recognised
from operators.frames.text_reading import ReadPicture, TextReading, read_pictures
from operators.label_evidence import model_name
from operators.mean_embedding import mean_direction
from operators.media.tracks import TextPicture
from operators.segments import TimeSpan, joined_spans, unit_score
from schemas.evidence import Embedding, Feature, FrameBox, LabelEvidence, TextFound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.text_judging import MEANING, judged_text

DETECTION: Final = card_of_use("text-detection")
RECOGNITION: Final = card_of_use("text-recognition")
PICTURE_SPACE: Final = f"{MEANING.embedding_space}".replace(MEANING.name, f"{MEANING.name}-picture")
"""Of what pictures show in writing; in the form `name/dimensions`, like all spaces."""
_SCORE_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class OnScreenText:
    """What is said of the text in the pictures of one video."""

    labels: tuple[LabelEvidence, ...] = ()
    features: dict[str, Feature] = field(default_factory=dict)
    embeddings: dict[str, Embedding] = field(default_factory=dict)
    texts: tuple[TextFound, ...] = ()
    """The lines as they were read; kept only if a setting asks for it."""


@dataclass(frozen=True, slots=True)
class _JudgedPicture:
    """The text of one picture, and what the models of text say of it."""

    texts: tuple[TextFound, ...]
    labels: tuple[LabelEvidence, ...]
    vector: np.ndarray
    language: str | None
    num_words: int


async def on_screen_text(
    work: AgentWork, tally: AgentUsage, pictures: Sequence[TextPicture], spans: Mapping[float, TimeSpan]
) -> OnScreenText:
    """Read and judge the text of one video.

    Args:
        work: whose readers read; nothing is read without them.
        tally: counts the cost.
        pictures: of the decode.
        spans: the time that each sampled frame represents, by its own time.

    Raises:
        DeviceFault, Overloaded: see `Batcher.submit`.
    """
    if work.readers is None or not pictures:
        return OnScreenText()
    reading = await tally.on_host(partial(read_pictures, work.readers, pictures))
    tally.add_on_host(DETECTION.name, reading.num_searched, reading.detection_cpu_seconds, MODE)
    tally.add_on_host(RECOGNITION.name, reading.num_lines, reading.recognition_cpu_seconds, MODE)
    with_lines = [found for found in reading.pictures if found.lines]
    judged = await asyncio.gather(*(_judged(work, tally, found, _spans(found, spans)) for found in with_lines))
    return OnScreenText(
        recognised_abuse([label for picture in judged for label in picture.labels], ON_SCREEN_ABUSE),
        _features(work, reading, judged, spans),
        _embedding(work, [picture.vector for picture in judged]),
        tuple(text for picture in judged for text in picture.texts),
    )


async def _judged(
    work: AgentWork, tally: AgentUsage, found: ReadPicture, spans: tuple[TimeSpan, ...]
) -> _JudgedPicture:
    """Judge the text of one picture by itself: what stands in another one does not belong to the same sentence."""
    texts = _texts(found, spans)
    read = await tally.on_host(partial(read_recognised, "picture", texts[: len(found.lines)], work.text))

    def times(_passages: Collection[Passage]) -> Sequence[TimeSpan]:
        return spans

    judged = await judged_text(work, tally, read.analysis, times)
    language = read.analysis.language.code if read.analysis.language is not None else None
    return _JudgedPicture(texts, judged.labels, judged.vector, language, read.analysis.num_words)


def _texts(found: ReadPicture, spans: Sequence[TimeSpan]) -> tuple[TextFound, ...]:
    """Return each line for each time for which it is shown."""
    return tuple(
        TextFound(
            model=model_name(RECOGNITION),
            text=line.text,
            score=round(unit_score(line.score), _SCORE_DECIMALS),
            start_seconds=span.start_seconds,
            end_seconds=span.end_seconds,
            box=line.box,
        )
        for span in spans
        for line in found.lines
    )


def _spans(found: ReadPicture, spans: Mapping[float, TimeSpan]) -> tuple[TimeSpan, ...]:
    known = [spans[seconds] for seconds in found.alike_seconds if seconds in spans]
    return joined_spans(known) or (TimeSpan(found.pts_seconds, found.pts_seconds),)


def _features(
    work: AgentWork, reading: TextReading, judged: Sequence[_JudgedPicture], spans: Mapping[float, TimeSpan]
) -> dict[str, Feature]:
    num_read = sum(len(found.lines) for found in reading.pictures)
    num_unread = sum(len(found.unread) for found in reading.pictures)
    longest = max(judged, key=lambda picture: picture.num_words, default=None)
    values: dict[str, object] = {
        "visual.text_language": longest.language if longest is not None else None,
        "visual.text_area_ratio": max(map(_area_ratio, reading.pictures), default=0.0),
        "visual.text_read_ratio": num_read / (num_read + num_unread) if num_read + num_unread else None,
        "visual.text_present_unread": _unread(reading, spans) or None,
    }
    return features_of(work, model_name(RECOGNITION), values)


def _area_ratio(found: ReadPicture) -> float:
    return min(1.0, sum(map(_area, (*(line.box for line in found.lines), *found.unread))))


def _area(box: FrameBox) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _unread(reading: TextReading, spans: Mapping[float, TimeSpan]) -> list[dict[str, object]]:
    return [
        {"start_seconds": span.start_seconds, "end_seconds": span.end_seconds, "num_lines": len(found.unread)}
        for found in reading.pictures
        if found.unread
        for span in _spans(found, spans)
    ]


def _embedding(work: AgentWork, vectors: Sequence[np.ndarray]) -> dict[str, Embedding]:
    """Return the mean direction of the pictures' texts, in a space of its own."""
    direction = mean_direction(np.stack(vectors)) if vectors else np.zeros(1)
    return embedding_of(work, MEANING, direction.tolist(), PICTURE_SPACE) if direction.any() else {}
