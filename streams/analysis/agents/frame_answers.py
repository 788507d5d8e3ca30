"""What the models for single frames say of one: of the whole of it, and of the parts that a detector found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.card import Card, CropInput, FrameInput
from models.card_registry import prepared_cards
from operators.frames.image_input import frame_input
from operators.frames.objects import FoundObject, class_scores, cut_out, found_objects
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
    """Empty for a model that is shown parts."""
    objects: tuple[FoundObject, ...] = ()
    """Of a detector, the best first."""
    parts: tuple[PartAnswer, ...] = ()
    """Of a model that is shown parts, those with the best boxes first."""


def whole_models(work: AgentWork) -> list[tuple[Card, FrameInput]]:
    """Return the models that look at whole frames, and what each wants of one."""
    return prepared_cards(FrameInput, work.cards)


def part_models(work: AgentWork) -> list[tuple[Card, CropInput]]:
    """Return the models that look at parts of frames, and which parts each wants."""
    return prepared_cards(CropInput, work.cards)


async def frame_answers(
    work: AgentWork, tally: AgentUsage, frame: SampledFrame, squares: Mapping[FrameInput, np.ndarray]
) -> dict[str, FrameAnswer]:
    """Ask every model about one frame, by name of the model; `squares` has one for each input of `whole_models`."""
    whole = whole_models(work)
    outputs = await asyncio.gather(
        *(work.inference.batcher(card.name).submit(squares[how], work.context) for card, how in whole)
    )
    tally.add(outputs)
    answers = {card.name: _whole(card, how, output, frame) for (card, how), output in zip(whole, outputs, strict=True)}
    parts = part_models(work)
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
    """Return (K,) scores of a frame, one for each class of the card: the highest of its boxes, or of its parts."""
    if card.boxes is not None:
        return class_scores(answer.values[card.boxes.index][np.newaxis], len(names)).reshape(-1)
    assert card.scores is not None
    if not isinstance(card.prepared, CropInput):
        return answer.values[card.scores.index].reshape(-1)
    rows = [part.values[card.scores.index].reshape(-1) for part in answer.parts]
    return np.asarray(np.max(rows, axis=0)) if rows else np.zeros(len(names), np.float32)


def _whole(card: Card, how: FrameInput, output: ModelOutput, frame: SampledFrame) -> FrameAnswer:
    if card.boxes is None:
        return FrameAnswer(output.values)
    rows = output.values[card.boxes.index]
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
