"""The context agent: language, hashtags, abuse and embedding of the text. It reads no media."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

import numpy as np

from models.card_registry import card_of_use
from operators.context.compared_texts import ComparedText
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
    (whole, *vectors), scores, said = await asyncio.gather(
        _vectors(work, tally, [reading.sentence_item, *(text.item for text in _compared_texts(work, reading))]),
        _network_scores(work, tally, reading),
        said_of_text(work, tally, reading.text),
    )
    labels = await _labels(work, tally, reading, vectors, scores)
    embeddings = _embeddings(work, whole)
    return Analysis(
        labels=labels + said.labels,
        features={**_text_features(work, reading), **_language_features(work, reading)},
        embeddings={**embeddings, **said.embeddings},
        receipt=tally.receipt(),
    )


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
    work: AgentWork, tally: AgentUsage, reading: TextAnalysis, vectors: Sequence[np.ndarray], scores: np.ndarray | None
) -> tuple[LabelEvidence, ...]:
    """Return the labels of all models; none if they do not know the language."""
    if scores is None:
        return ()
    compared = await _compared(work, tally, reading, vectors)
    vote = compared.vote if compared else _no_vote
    return (
        *toxicity_evidence(TOXICITY, scores, reading.abuse_items, work.text.lexicon, vote),
        *profanity_evidence(PROFANITY, reading.scored, work.text.lexicon, vote),
        *(compared.evidence() if compared else ()),
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


def _no_vote(_passages: Collection[Passage]) -> None:
    return None


def _embeddings(work: AgentWork, whole: np.ndarray) -> dict[str, Embedding]:
    vector = text_embedding(whole)
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
