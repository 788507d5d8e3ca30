"""The context agent: language, hashtags, abuse and embedding of the text. It reads no media."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np

from operators.context.text_analysis import TextAnalysis, read_text
from operators.context.text_embedding import text_embedding
from operators.label_evidence import model_name
from schemas.evidence import Embedding, Feature
from streams.analysis.agents.added_models import said_of_text
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.text_judging import LANGUAGE, MEANING, judged_text

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
    judged, said = await asyncio.gather(judged_text(work, tally, reading), said_of_text(work, tally, reading.text))
    embeddings = _embeddings(work, judged.vector)
    return Analysis(
        labels=judged.labels + said.labels,
        features={**_text_features(work, reading), **_language_features(work, reading)},
        embeddings={**embeddings, **said.embeddings},
        receipt=tally.receipt(),
    )


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
