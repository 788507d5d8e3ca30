"""The context agent: language, hashtags, abuse and embedding of the text. It reads no media."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

import numpy as np

from models.card_registry import card_of_use
from operators.context.passages import Passage
from operators.context.prototype_evidence import ComparedScores
from operators.context.text_analysis import TextAnalysis, read_text
from operators.context.text_embedding import text_embedding
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from operators.label_evidence import model_name
from schemas.evidence import Embedding, Feature, LabelEvidence
from streams.analysis.agents.added_models import said_of_text
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.described import embedding_of, features_of

TOXICITY = card_of_use("text-abuse")
PROFANITY = card_of_use("text-profanity")
LANGUAGE = card_of_use("text-language")
MEANING = card_of_use("text-meaning")

_TEXT = "upload-text@2"


async def analyse(work: AgentWork) -> Analysis:
    """Analyse the text of one upload.

    Raises:
        DeviceFault, Overloaded: see `Batcher.submit`.
    """
    tally = AgentUsage(work.host)
    reading = await tally.on_host(partial(read_text, work.upload, work.text))
    if not reading.text:
        return Analysis(is_present=False, receipt=tally.receipt())
    labels, embeddings, said = await asyncio.gather(
        _labels(work, tally, reading), _embeddings(work, tally, reading), said_of_text(work, tally, reading.text)
    )
    return Analysis(
        labels=labels + said.labels,
        features={**_text_features(work, reading), **_language_features(work, reading)},
        embeddings={**embeddings, **said.embeddings},
        receipt=tally.receipt(),
    )


async def _labels(work: AgentWork, tally: AgentUsage, reading: TextAnalysis) -> tuple[LabelEvidence, ...]:
    """Return the labels of all models; none if they do not know the language."""
    if not reading.scored:
        return ()
    compared, scores = await asyncio.gather(_compared(work, tally, reading), _network_scores(work, tally, reading))
    vote = compared.vote if compared else _no_vote
    return (
        *toxicity_evidence(TOXICITY, scores, reading.abuse_items, work.text.lexicon, vote),
        *profanity_evidence(PROFANITY, reading.scored, work.text.lexicon, vote),
        *(compared.evidence() if compared else ()),
    )


async def _network_scores(work: AgentWork, tally: AgentUsage, reading: TextAnalysis) -> np.ndarray:
    items = [item.item for item in reading.abuse_items]
    outputs = await work.inference.batcher(TOXICITY.name).submit_many(items, work.context)
    tally.add(outputs)
    return np.stack([output.values[0] for output in outputs])


async def _compared(work: AgentWork, tally: AgentUsage, reading: TextAnalysis) -> ComparedScores | None:
    """Compare the passages with the prototypes; None without either."""
    if work.prototypes is None or not reading.compared_texts:
        return None
    items = [text.item for text in reading.compared_texts]
    outputs = await work.inference.batcher(MEANING.name).submit_many(items, work.context)
    tally.add(outputs)
    vectors = np.stack([output.values[0] for output in outputs])
    return await tally.on_host(partial(ComparedScores, work.prototypes, reading.compared_texts, vectors))


def _no_vote(_passages: Collection[Passage]) -> None:
    return None


async def _embeddings(work: AgentWork, tally: AgentUsage, reading: TextAnalysis) -> dict[str, Embedding]:
    output = await work.inference.batcher(MEANING.name).submit(reading.sentence_item, work.context)
    tally.add((output,))
    vector = text_embedding(output.values[0])
    return {} if vector is None else embedding_of(work, MEANING, vector.tolist())


def _text_features(work: AgentWork, reading: TextAnalysis) -> dict[str, Feature]:
    values = {
        "context.hashtags": list(reading.hashtags),
        "context.num_words": reading.num_words,
        "context.is_abuse_judged": reading.planned_ratio * reading.achieved_ratio,
        "context.planned_ratio": reading.planned_ratio,
        "context.achieved_ratio": reading.achieved_ratio,
    }
    return features_of(work, _TEXT, values)


def _language_features(work: AgentWork, reading: TextAnalysis) -> dict[str, Feature]:
    if reading.language is None:
        return {}
    values = {
        "context.language": reading.language.code,
        "context.language_score": reading.language.probability_ratio,
    }
    return features_of(work, model_name(LANGUAGE), values)
