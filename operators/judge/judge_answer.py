"""From a chat model's answers to evidence that decides nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from operators.inference.remote.chat_client import BadAnswer, ChatAnswer
from operators.judge.judge_question import question_name
from schemas.evidence import JUDGE, JUDGED, AskedFor, JudgeAnswer, JudgeWord, LabelEvidence

_SCORES: Final[Mapping[JudgeWord, float]] = {"yes": 1.0, "unsure": 0.5, "no": 0.0}


def answers_of(answer: ChatAnswer, num_questions: int) -> tuple[JudgeWord, ...]:
    """Return the answer to each question.

    Raises:
        BadAnswer: the answer is cut off, or has not exactly one allowed word for each question.
    """
    if answer.ended != "stop":
        raise BadAnswer(f"the judge's answer ended by {answer.ended}")
    try:
        found = msgspec.json.decode(answer.text, type=dict[str, JudgeWord])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadAnswer(f"the judge answered {answer.text[:200]!r}: {error}") from error
    names = [question_name(number) for number in range(1, num_questions + 1)]
    if sorted(found) != sorted(names):
        raise BadAnswer(f"the judge answered {sorted(found)[:20]}; allowed is one answer to each of {names}")
    return tuple(found[name] for name in names)


def judge_evidence(
    labels: Mapping[str, AskedFor], words: Sequence[JudgeWord], version: int
) -> tuple[LabelEvidence, ...]:
    """Return the evidence of answers.

    Args:
        labels: that were asked about, in order, and why.
        words: the answer about each.
        version: of the policy's judge.
    """
    return tuple(
        LabelEvidence(
            label=label,
            score=_SCORES[word],
            model=f"{JUDGE}@{version}",
            uncalibrated=True,
            held_back=JUDGED,
            judgement=JudgeAnswer(answer=word, asked_for=asked_for),
        )
        for (label, asked_for), word in zip(labels.items(), words, strict=True)
    )
