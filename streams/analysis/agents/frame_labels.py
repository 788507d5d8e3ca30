"""From the image models' outputs for sampled frames to evidence, with a second look if one frame would decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
import numpy as np

from models.card import Card
from operators.frames.second_look import (
    FrameVerification,
    frames_to_doubt,
    look_of,
    num_suspicious,
    settled_scores,
    telling,
)
from operators.label_evidence import evidence_of
from operators.media.neighbours import Neighbourhood, has_neighbours
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan
from schemas.evidence import LabelEvidence
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork


@dataclass(frozen=True, slots=True)
class FrameModel:
    """A model that labels single frames.

    Args:
        card: its card.
        ask: runs the model on one frame; returns one row of what `scores` takes.
        scores: turns the stacked outputs of N frames into their scores of each label.
    """

    card: Card
    ask: Callable[[SampledFrame], Awaitable[np.ndarray]]
    scores: Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """Frames around sampled ones: decoded once for all models and labels, and asked about once a model."""

    work: AgentWork
    tally: AgentUsage
    _around: dict[tuple[float, ...], Neighbourhood] = field(default_factory=dict)
    _rows: dict[tuple[str, float], np.ndarray] = field(default_factory=dict)

    async def around(self, seconds: Sequence[float]) -> Neighbourhood:
        """Return the frames around some times, the most important first; the cost of a decode is counted once."""
        key = tuple(seconds)
        if key not in self._around:
            self._around[key] = await self.work.session.look_around(seconds)
            self.tally.spend(self._around[key].cpu_seconds)
        return self._around[key]

    async def rows(self, model: FrameModel, frames: Sequence[SampledFrame]) -> list[np.ndarray]:
        """Return what a model says of each of some frames."""
        new = [frame for frame in frames if (model.card.name, frame.pts_seconds) not in self._rows]
        for frame, row in zip(new, await asyncio.gather(*(model.ask(frame) for frame in new)), strict=True):
            self._rows[model.card.name, frame.pts_seconds] = row
        return [self._rows[model.card.name, frame.pts_seconds] for frame in frames]


async def frame_labels(
    work: AgentWork,
    tally: AgentUsage,
    frames: Sequence[SampledFrame],
    spans: Sequence[TimeSpan],
    said: Sequence[tuple[FrameModel, np.ndarray]],
) -> tuple[LabelEvidence, ...]:
    """Return evidence for every label of every model.

    Args:
        work: whose media is decoded again for a second look.
        tally: counts the cost of that.
        frames: N sampled frames.
        spans: the time range that each frame represents.
        said: the stacked outputs of each model for the N frames.
    """
    again = SecondLooks(work, tally)
    found = [
        await _evidence(again, frames, spans, model, label, scores)
        for model, answers in said
        for label, scores in model.scores(answers).items()
    ]
    return tuple(sorted(found, key=lambda evidence: (evidence.label, evidence.model)))


async def _evidence(
    again: SecondLooks,
    frames: Sequence[SampledFrame],
    spans: Sequence[TimeSpan],
    model: FrameModel,
    label: str,
    scores: np.ndarray,
) -> LabelEvidence:
    looks = await _looks(again, frames, model, label, scores)
    evidence = evidence_of(model.card, label, settled_scores(scores, looks), spans)
    outcome = telling(looks)
    return evidence if outcome is None else msgspec.structs.replace(evidence, second_look=outcome)


async def _looks(
    again: SecondLooks, frames: Sequence[SampledFrame], model: FrameModel, label: str, scores: np.ndarray
) -> list[FrameVerification]:
    """Return one second look for each frame in doubt; none for a still picture, which has no other frames, and none
    for a label that decides nothing."""
    doubted = frames_to_doubt(scores)
    is_decisive = bool(doubted) and model.card.is_measured(label)
    video = (await again.work.session.index()).video if is_decisive else None
    if video is None or not has_neighbours(video):
        return []
    around = await again.around([frames[position].pts_seconds for position in doubted])
    may_clear = len(doubted) == num_suspicious(scores)
    return [
        await _look(again, model, label, (position, frames[position], float(scores[position])), around, may_clear)
        for position in doubted
    ]


async def _look(
    again: SecondLooks,
    model: FrameModel,
    label: str,
    doubted: tuple[int, SampledFrame, float],
    around: Neighbourhood,
    may_clear: bool,
) -> FrameVerification:
    position, frame, own_score = doubted
    others = around.around(frame.pts_seconds)
    answers = await again.rows(model, others)
    scores = model.scores(np.stack(answers))[label].tolist() if answers else []
    pixels = [other.pixels for other in others]
    compare = partial(look_of, position, frame, own_score, pixels, scores, may_clear=may_clear)
    return await again.tally.on_host(compare)
