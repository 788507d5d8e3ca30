"""Added models that look at clips, run as their cards say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from models.card_registry import prepared_cards
from models.model_input import ClipInput
from operators.frames.clips import Clip, clip_items, sampled_clips, timed_clips
from operators.media.index import VideoStreamIndex
from operators.media.neighbours import has_neighbours
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan
from streams.analysis.agents.added_models import AddedAnswers, joined, said_of_items
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork


@dataclass(frozen=True, slots=True)
class SampledVideo:
    """The sampled frames of a video."""

    index: VideoStreamIndex
    frames: Sequence[SampledFrame]
    spans: Sequence[TimeSpan]
    """The time that each frame represents."""


async def said_of_clips(work: AgentWork, tally: AgentUsage, video: SampledVideo) -> AddedAnswers:
    """Ask every added model of clips about the clips that its card wants.

    Frames at a distance in time are decoded once for all cards. If that fails, the sampled frames take their place, and
    stand several times in a clip.

    Raises:
        SourceUnavailable, InternalError: see `MediaSession.pictures_at`.
        DeviceFault, ModelFault, Overloaded: see `Batcher.submit_many`.
    """
    cards = prepared_cards(ClipInput, work.cards)
    if not cards:
        return AddedAnswers()
    clips = {how: _clips(video, how) for _, how in cards}
    decoded = await _decoded(work, tally, video, clips)
    items = await tally.on_host(partial(clip_items, clips, [*video.frames, *decoded]))
    spans = {how: [clip.span for clip in found] for how, found in clips.items()}
    return joined(
        await asyncio.gather(*(said_of_items(work, tally, card, items[how], spans[how]) for card, how in cards))
    )


def _clips(video: SampledVideo, how: ClipInput) -> tuple[Clip, ...]:
    if how.frame_seconds is None or not has_neighbours(video.index):
        return sampled_clips([frame.pts_seconds for frame in video.frames], video.spans, how)
    return timed_clips(video.index.start_seconds, video.index.duration_seconds, how)


async def _decoded(
    work: AgentWork, tally: AgentUsage, video: SampledVideo, clips: dict[ClipInput, tuple[Clip, ...]]
) -> Iterable[SampledFrame]:
    """Pictures at the times that are not those of sampled frames."""
    wanted = [clip.seconds for how, found in clips.items() if how.frame_seconds is not None for clip in found]
    if not wanted or not has_neighbours(video.index):
        return ()
    looked = await work.session.pictures_at(wanted)
    tally.spend(looked.cpu_seconds)
    return looked.frames
