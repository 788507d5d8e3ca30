"""What the models of abuse and of meaning say of a text: one that was uploaded, said, or shown in pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.card_registry import card_of_use
from operators.context.compared_texts import ComparedText
from operators.context.prototype_evidence import ComparedScores, no_vote
from operators.context.text_analysis import TextAnalysis
from operators.context.text_times import Times, no_times
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from schemas.evidence import LabelEvidence
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork

TOXICITY = card_of_use("text-abuse")
PROFANITY = card_of_use("text-profanity")
LANGUAGE = card_of_use("text-language")
MEANING = card_of_use("text-meaning")


@dataclass(frozen=True, slots=True)
class JudgedText:
    """The answers for one text."""

    labels: tuple[LabelEvidence, ...]
    """Of all models; none if they do not know the language. With segments, if the text has times."""
    vector: np.ndarray
    """(384,) float32, the sentence embedding of the whole text."""


async def judged_text(work: AgentWork, tally: AgentUsage, reading: TextAnalysis, times: Times = no_times) -> JudgedText:
    """Ask the models about a text that is not empty.

    Raises:
        DeviceFault, Overloaded: see `Batcher.submit`.
    """
    (whole, *vectors), scores = await asyncio.gather(
        _vectors(work, tally, [reading.sentence_item, *(text.item for text in _compared_texts(work, reading))]),
        _network_scores(work, tally, reading),
    )
    return JudgedText(await _labels(work, tally, reading, vectors, scores, times), whole)


def _compared_texts(work: AgentWork, reading: TextAnalysis) -> Sequence[ComparedText]:
    """Return what is compared with the prototypes; nothing where no model knows the language."""
    return reading.compared_texts if work.prototypes is not None and reading.scored else ()


async def _vectors(work: AgentWork, tally: AgentUsage, items: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Embed sentences, equal ones once: a short title is the whole text as well as one of its passages."""
    distinct = {item.tobytes(): item for item in items}
    outputs = await work.inference.batcher(MEANING.name).submit_many(list(distinct.values()), work.context)
    tally.add(outputs)
    vectors = {content: output.values[0] for content, output in zip(distinct, outputs, strict=True)}
    return [vectors[item.tobytes()] for item in items]


async def _labels(
    work: AgentWork,
    tally: AgentUsage,
    reading: TextAnalysis,
    vectors: Sequence[np.ndarray],
    scores: np.ndarray | None,
    times: Times,
) -> tuple[LabelEvidence, ...]:
    """Return the labels of all models; none if they do not know the language."""
    if scores is None:
        return ()
    compared = await _compared(work, tally, reading, vectors)
    vote = compared.vote if compared else no_vote
    return (
        *toxicity_evidence(TOXICITY, scores, reading.abuse_items, work.text.lexicon, vote, times),
        *profanity_evidence(PROFANITY, reading.scored, work.text.lexicon, vote, times),
        *(compared.evidence(times) if compared else ()),
    )


async def _network_scores(work: AgentWork, tally: AgentUsage, reading: TextAnalysis) -> np.ndarray | None:
    if not reading.scored:
        return None
    items = [item.item for item in reading.abuse_items]
    outputs = await work.inference.batcher(TOXICITY.name).submit_many(items, work.context)
    tally.add(outputs)
    return np.stack([output.values[0] for output in outputs])


async def _compared(
    work: AgentWork, tally: AgentUsage, reading: TextAnalysis, vectors: Sequence[np.ndarray]
) -> ComparedScores | None:
    """Compare the passages with the prototypes; None without either."""
    if work.prototypes is None or not vectors:
        return None
    return await tally.on_host(partial(ComparedScores, work.prototypes, reading.compared_texts, np.stack(vectors)))
