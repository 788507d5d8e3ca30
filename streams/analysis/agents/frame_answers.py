"""What the models for single frames say of one: of the whole of it, and of the parts that a detector found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from models.card import Card
from models.card_registry import prepared_cards
from models.model_input import CropInput, FrameInput
from operators.frames.image_input import frame_input
from operators.frames.objects import FoundObject, class_scores, cut_out, detector_rows, found_objects
from operators.inference.request_context import ModelOutput
from operators.media.tracks import SampledFrame
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork

Values = tuple[np.ndarray, ...]
"""One float32 array for each output of a model."""


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What a model says of one part of a frame."""

    found: FoundObject
    """By the other model."""
    values: Values


@dataclass(frozen=True, slots=True)
class FrameAnswer:
    """What one model says of one frame."""

    values: Values = ()
    """Empty for a model that is shown parts, and of a frame that the model was not shown."""
    objects: tuple[FoundObject, ...] = ()
    """Of a detector, the best first."""
    parts: tuple[PartAnswer, ...] = ()
    """Of a model that is shown parts, those with the best boxes first."""


NOT_ASKED: Final = FrameAnswer()


@dataclass(frozen=True, slots=True)
class FrameModels:
    """Models that look at the same frames."""

    whole: Sequence[tuple[Card, FrameInput]]
    """Those that look at whole frames, and what each wants of one."""
    parts: Sequence[tuple[Card, CropInput]]
    """Those that look at parts of frames in which one of the others found something, and which parts each wants."""

    @property
    def cards(self) -> list[Card]:
        """All of them."""
        return [card for card, _ in (*self.whole, *self.parts)]


def all_models(work: AgentWork) -> FrameModels:
    """Return all models that look at single frames or parts of them."""
    return FrameModels(prepared_cards(FrameInput, work.cards), prepared_cards(CropInput, work.cards))


def unlimited_models(work: AgentWork) -> FrameModels:
    """Return those that are shown every sampled frame."""
    return _of_limit(work, is_limited=False)


def limited_models(work: AgentWork) -> FrameModels:
    """Return those that are shown only a few frames of a video."""
    return _of_limit(work, is_limited=True)


def _of_limit(work: AgentWork, *, is_limited: bool) -> FrameModels:
    models = all_models(work)
    whole = [(card, how) for card, how in models.whole if (card.max_frames is not None) == is_limited]
    names = {card.name for card, _ in whole}
    return FrameModels(whole, [(card, how) for card, how in models.parts if how.of in names])


async def frame_answers(
    work: AgentWork,
    tally: AgentUsage,
    frame: SampledFrame,
    squares: Mapping[FrameInput, np.ndarray],
    models: FrameModels,
) -> dict[str, FrameAnswer]:
    """Ask models about one frame, by name of the model; `squares` has one for each of their inputs of whole frames."""
    whole = models.whole
    outputs = await asyncio.gather(
        *(work.inference.batcher(card.name).submit(squares[how], work.context) for card, how in whole)
    )
    tally.add(outputs)
    answers = {card.name: _whole(card, how, output, frame) for (card, how), output in zip(whole, outputs, strict=True)}
    parts = models.parts
    said = await asyncio.gather(
        *(_parts(work, tally, frame, card, how, answers[how.of].objects) for card, how in parts)
    )
    return {**answers, **{card.name: answer for (card, _), answer in zip(parts, said, strict=True)}}


async def ask_one(work: AgentWork, tally: AgentUsage, card: Card, frame: SampledFrame) -> FrameAnswer:
    """Ask one model about a frame that nobody has asked about; a model for parts after the one that finds them."""
    how = card.prepared
    if isinstance(how, CropInput):
        found = await ask_one(work, tally, work.cards[how.of], frame)
        return await _parts(work, tally, frame, card, how, found.objects)
    assert isinstance(how, FrameInput)
    pixels = await tally.on_host(partial(frame_input, frame.pixels, how))
    output = await work.inference.batcher(card.name).submit(pixels, work.context)
    tally.add((output,))
    return _whole(card, how, output, frame)


def score_row(card: Card, names: Sequence[str], answer: FrameAnswer) -> np.ndarray:
    """Return (K,) scores of a frame, one for each class of the card: the highest of its boxes, or of its parts; 0 of a
    frame that the model was not shown."""
    if card.boxes is not None and answer.values:
        return class_scores(detector_rows(answer.values, card.boxes)[np.newaxis], len(names)).reshape(-1)
    if answer.values:
        assert card.scores is not None
        return answer.values[card.scores.index].reshape(-1)
    rows = [part.values[card.scores.index].reshape(-1) for part in answer.parts if card.scores is not None]
    return np.asarray(np.max(rows, axis=0)) if rows else np.zeros(len(names), np.float32)


def _whole(card: Card, how: FrameInput, output: ModelOutput, frame: SampledFrame) -> FrameAnswer:
    if card.boxes is None:
        return FrameAnswer(output.values)
    rows = detector_rows(output.values, card.boxes)
    return FrameAnswer(output.values, found_objects(rows, card.boxes, frame.pixels.shape, how))


async def _parts(
    work: AgentWork,
    tally: AgentUsage,
    frame: SampledFrame,
    card: Card,
    how: CropInput,
    objects: Sequence[FoundObject],
) -> FrameAnswer:
    cut = await tally.on_host(partial(_squares, objects, frame.pixels, how)) if objects else []
    if not cut:
        return FrameAnswer()
    outputs = await work.inference.batcher(card.name).submit_many([square for _, square in cut], work.context)
    tally.add(outputs)
    answered = zip(cut, outputs, strict=True)
    return FrameAnswer(parts=tuple(PartAnswer(found, output.values) for (found, _), output in answered))


def _squares(
    objects: Sequence[FoundObject], pixels: np.ndarray, how: CropInput
) -> list[tuple[FoundObject, np.ndarray]]:
    return [(found, frame_input(part, how.frame)) for found, part in cut_out(objects, pixels, how)]
