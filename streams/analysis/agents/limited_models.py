"""Models that are shown only a few frames of a video, as their cards say: different ones, once all are sampled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from models.model_input import FrameInput
from operators.frames.image_input import frame_input
from operators.frames.looking_order import looking_order
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.frame_answers import FrameModels, frame_answers, limited_models
from streams.analysis.agents.seen_frame import SeenFrame


async def with_limited_models(work: AgentWork, tally: AgentUsage, frames: Sequence[SeenFrame]) -> list[SeenFrame]:
    """Return the frames with the answers of these models in addition.

    Raises:
        DeviceFault, ModelFault, Overloaded: see `Batcher.submit`.
    """
    models = limited_models(work)
    most = max((card.max_frames or 0 for card, _ in models.whole), default=0)
    if not most or not frames:
        return list(frames)
    sharpness = [seen.quality.sharpness_ratio for seen in frames]
    order = await tally.on_host(partial(looking_order, [seen.thumbnail for seen in frames], sharpness, most))
    looked_at = await asyncio.gather(
        *(_asked(work, tally, frames[place], _within(models, rank)) for rank, place in enumerate(order))
    )
    by_place = dict(zip(order, looked_at, strict=True))
    return [by_place.get(place, seen) for place, seen in enumerate(frames)]


def _within(models: FrameModels, rank: int) -> FrameModels:
    """Return the models that look at the frame of a rank, the first being 0."""
    whole = [(card, how) for card, how in models.whole if rank < (card.max_frames or 0)]
    names = {card.name for card, _ in whole}
    return FrameModels(whole, [(card, how) for card, how in models.parts if how.of in names])


async def _asked(work: AgentWork, tally: AgentUsage, seen: SeenFrame, models: FrameModels) -> SeenFrame:
    inputs = list(dict.fromkeys(how for _, how in models.whole))
    squares = await tally.on_host(partial(_squares, seen.frame.pixels, inputs))
    said = await frame_answers(work, tally, seen.frame, squares, models)
    return replace(seen, answers={**seen.answers, **said})


def _squares(pixels: np.ndarray, inputs: Sequence[FrameInput]) -> dict[FrameInput, np.ndarray]:
    return {how: frame_input(pixels, how) for how in inputs}
