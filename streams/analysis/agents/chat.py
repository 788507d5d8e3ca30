"""All that a chat model is asked about one video: for a caption, and by the judge; off unless settings name a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from operators.captions.selection import is_chosen
from operators.fusion.fusing import Said
from operators.media.tracks import SampledFrame
from schemas.evidence import Feature, LabelEvidence, TextFound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.asked_video import asked_video
from streams.analysis.agents.captions import caption_features
from streams.analysis.agents.judge import judged_labels


@dataclass(frozen=True, slots=True)
class ChatFindings:
    """What a chat model says of one video."""

    features: dict[str, Feature] = field(default_factory=dict)
    labels: tuple[LabelEvidence, ...] = ()
    """Of the judge; held back from decisions."""


async def said_by_chat(
    work: AgentWork,
    tally: AgentUsage,
    frames: Sequence[SampledFrame],
    labels: Sequence[LabelEvidence],
    texts: Sequence[TextFound],
) -> ChatFindings:
    """Ask what is to be asked about a video, until its time is over; nothing that goes wrong here fails the agent.

    Args:
        work: of the agent of the frames.
        tally: counts the cost.
        frames: sampled, ascending.
        labels: of the frames.
        texts: what was read in the pictures.
    """
    chat = work.chat
    if chat is None or not frames:
        return ChatFindings()
    wants_caption = is_chosen(work.upload, chat.captions_ratio, chat.captioned_videos)
    if not wants_caption and chat.policy is None:
        return ChatFindings()
    time_left = chat.time_limit(work.context)
    video = await asked_video(work, chat, frames, texts, time_left)
    own: tuple[Said, ...] = tuple(("frames", label) for label in labels)
    features, judged = await asyncio.gather(
        caption_features(work, tally, chat, video, time_left) if wants_caption else _nothing(),
        judged_labels(work, tally, chat, video, own, time_left),
    )
    return ChatFindings(features, judged)


async def _nothing() -> dict[str, Feature]:
    return {}
