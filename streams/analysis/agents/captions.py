"""Captions: a chat model describes what a video shows and says, for those who search; it decides nothing."""

from __future__ import annotations

from functools import partial
from typing import Final

from operators.captions.caption_answer import Caption, caption_of
from operators.captions.caption_question import PROMPT_VERSION, caption_question
from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import ON_SCREEN_ABUSE
from operators.context.recognised_text import read_recognised
from operators.inference.remote.request_time import LEAST_SECONDS
from schemas.evidence import Feature, LabelEvidence, TextFound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, ChatParts
from streams.analysis.agents.asked_video import ASK_FAULTS, AskedVideo, TimeLeft, state_of, usage_of
from streams.analysis.agents.described import features_of
from streams.analysis.agents.text_judging import judged_text

RECEIPT_NAME: Final = "captions"
"""Of the model on the receipt."""
_ABUSIVE_SCORE: Final = 0.5
"""As of a title that makes a video suspicious."""


async def caption_features(
    work: AgentWork, tally: AgentUsage, chat: ChatParts, video: AskedVideo, time_left: TimeLeft
) -> dict[str, Feature]:
    """Ask for a caption. Whatever goes wrong costs the caption alone, and `visual.caption_state` says what it was."""
    caption = await _caption(tally, chat, video, time_left)
    if caption.text and await _is_abusive(work, tally, caption):
        caption = Caption("abusive")
    values: dict[str, object] = {
        "visual.caption": caption.text or None,
        "visual.caption_title": caption.title or None,
        "visual.caption_hashtags": list(caption.hashtags) if caption.text else None,
        "visual.caption_state": caption.state,
    }
    return features_of(work, f"{chat.model}@prompt-{PROMPT_VERSION}", values)


async def _is_abusive(work: AgentWork, tally: AgentUsage, caption: Caption) -> bool:
    """Return whether the models of text find abuse: a video can talk a model into words that nobody may publish.

    Raises:
        DeviceFault, Overloaded: see `Batcher.submit`.
    """
    words = f"{caption.title}. {caption.text} {' '.join(caption.hashtags)}"
    written = TextFound(model=RECEIPT_NAME, text=words, score=1.0, start_seconds=0.0, end_seconds=0.0)
    read = await tally.on_host(partial(read_recognised, "picture", (written,), work.text))
    judged = await judged_text(work, tally, read.analysis)
    found = recognised_abuse(judged.labels, ON_SCREEN_ABUSE)
    return any(_strength(label) >= _ABUSIVE_SCORE for label in found)


def _strength(label: LabelEvidence) -> float:
    """What a second model contradicts is weak."""
    return min(label.score, label.second_vote if isinstance(label.second_vote, float) else 1.0)


async def _caption(tally: AgentUsage, chat: ChatParts, video: AskedVideo, time_left: TimeLeft) -> Caption:
    if time_left() < LEAST_SECONDS:
        return Caption("late")
    question = await tally.on_host(partial(caption_question, video.shown))
    try:
        answer = await chat.asker.ask(question, time_left())
    except ASK_FAULTS as error:
        tally.add_on_server(RECEIPT_NAME, usage_of(error))
        return Caption(state_of(error))
    tally.add_on_server(RECEIPT_NAME, answer.usage)
    return await tally.on_host(partial(caption_of, answer, video.texts))
