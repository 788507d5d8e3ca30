"""The judge: a chat model is asked about labels whose score is uncertain, and about those of a random share."""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog

from operators.fusion.fusing import Said
from operators.judge.judge_answer import answers_of, judge_evidence
from operators.judge.judge_question import judge_question
from schemas.evidence import AskedFor, LabelEvidence
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, ChatParts
from streams.analysis.agents.asked_video import ASK_FAULTS, AskedVideo, TimeLeft, state_of, usage_of
from streams.decision.judge_rule import JudgeRule, meanings_of
from streams.decision.judged_scores import label_scores

RECEIPT_NAME: Final = "judge"
"""Of the model on the receipt."""
_log = structlog.get_logger()


async def judged_labels(
    work: AgentWork, tally: AgentUsage, chat: ChatParts, video: AskedVideo, own: tuple[Said, ...], time_left: TimeLeft
) -> tuple[LabelEvidence, ...]:
    """Ask about the labels that the policy's judge names for this video. Whatever goes wrong costs the answer alone.

    Args:
        work: whose upload is asked about.
        tally: counts the cost.
        chat: asks, if its policy has a judge.
        video: of the upload.
        own: labels of the frames.
        time_left: until the answer has to be there.
    """
    if chat.policy is None or chat.policy.judge is None:
        return ()
    rule = chat.policy.judge
    labels = rule.asked(work.upload.video_id, label_scores(chat.policy, (*own, *video.said)))
    return await _asked(tally, chat, video, rule, labels, time_left) if labels else ()


async def _asked(
    tally: AgentUsage,
    chat: ChatParts,
    video: AskedVideo,
    rule: JudgeRule,
    labels: dict[str, AskedFor],
    time_left: TimeLeft,
) -> tuple[LabelEvidence, ...]:
    question = await tally.on_host(partial(judge_question, video.shown, meanings_of(labels)))
    try:
        answer = await chat.asker.ask(question, time_left())
        tally.add_on_server(RECEIPT_NAME, answer.usage)
        return judge_evidence(labels, answers_of(answer, len(labels)), rule.version)
    except ASK_FAULTS as error:
        if usage_of(error) is not None:
            tally.add_on_server(RECEIPT_NAME, usage_of(error))
        _log.info("the judge did not answer", cause=state_of(error))
        return ()
