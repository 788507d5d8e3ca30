"""Added models that hear windows of sound or read the upload's text, run as their cards say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from models.card import Card
from models.card_registry import prepared_cards
from models.model_input import AudioInput, TextInput
from operators.audio.sound_items import sound_items
from operators.audio.windows import SoundWindow
from operators.found_text import texts_found
from operators.inference.request_context import ModelOutput
from operators.label_evidence import timed_evidence, untimed_evidence
from operators.mean_embedding import mean_direction
from operators.media.tracks import AudioTrack
from operators.segments import TimeSpan
from schemas.evidence import Embedding, LabelEvidence, TextFound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.described import embedding_of


@dataclass(frozen=True, slots=True)
class AddedAnswers:
    """What added models say of one upload."""

    labels: tuple[LabelEvidence, ...] = ()
    embeddings: dict[str, Embedding] = field(default_factory=dict)
    texts: tuple[TextFound, ...] = ()


async def said_of_sound(work: AgentWork, tally: AgentUsage, track: AudioTrack) -> AddedAnswers:
    """Ask every added model of sound about the windows that its card wants.

    Raises:
        DeviceFault, ModelFault, Overloaded: See `Batcher.submit_many`.
    """
    cards = prepared_cards(AudioInput, work.cards)
    if not cards:
        return AddedAnswers()
    items = await tally.on_host(partial(sound_items, track, [how for _, how in cards]))
    return joined(await asyncio.gather(*(_heard(work, tally, card, items[how]) for card, how in cards)))


async def said_of_text(work: AgentWork, tally: AgentUsage, text: str) -> AddedAnswers:
    """Ask every added model of text about all pieces of an upload's text.

    Raises:
        DeviceFault, ModelFault, Overloaded: See `Batcher.submit_many`.
    """
    cards = prepared_cards(TextInput, work.cards)
    return joined(await asyncio.gather(*(_read(work, tally, text, card) for card, _ in cards)))


async def _heard(work: AgentWork, tally: AgentUsage, card: Card, windows: Sequence[SoundWindow]) -> AddedAnswers:
    items, spans = [window.samples for window in windows], [window.span for window in windows]
    return await said_of_items(work, tally, card, items, spans)


async def said_of_items(
    work: AgentWork, tally: AgentUsage, card: Card, items: Sequence[np.ndarray], spans: Sequence[TimeSpan]
) -> AddedAnswers:
    """Ask one model about N items, at least one, each with the time that it stands for."""
    outputs = await _answers(work, tally, card, items)
    texts = texts_found(card, [output.values[card.text.index] for output in outputs], spans) if card.text else ()
    if card.scores is None:
        return AddedAnswers((), _embedding(work, card, outputs), texts)
    names, combination = work.class_names.of(card), card.scores.combination
    labels = timed_evidence(card, names, _column(outputs, card.scores.index), spans, combination)
    return AddedAnswers(labels, _embedding(work, card, outputs), texts)


async def _read(work: AgentWork, tally: AgentUsage, text: str, card: Card) -> AddedAnswers:
    pieces = await tally.on_host(partial(work.pieces[card.name].encode_all, text))
    outputs = await _answers(work, tally, card, pieces)
    if card.scores is None:
        return AddedAnswers((), _embedding(work, card, outputs))
    scores = _column(outputs, card.scores.index)
    labels = untimed_evidence(card, work.class_names.of(card), scores, card.scores.combination)
    return AddedAnswers(labels, _embedding(work, card, outputs))


async def _answers(work: AgentWork, tally: AgentUsage, card: Card, items: Sequence[np.ndarray]) -> list[ModelOutput]:
    outputs = await work.inference.batcher(card.name).submit_many(items, work.context)
    tally.add(outputs)
    return outputs


def _column(outputs: Sequence[ModelOutput], index: int) -> np.ndarray:
    return np.stack([output.values[index].reshape(-1) for output in outputs])


def _embedding(work: AgentWork, card: Card, outputs: Sequence[ModelOutput]) -> dict[str, Embedding]:
    if card.embedding is None:
        return {}
    return embedding_of(work, card, mean_direction(_column(outputs, card.embedding.index)).tolist())


def joined(said: Sequence[AddedAnswers]) -> AddedAnswers:
    """Return the answers of several models as one."""
    labels = tuple(evidence for each in said for evidence in each.labels)
    embeddings = {space: vector for each in said for space, vector in each.embeddings.items()}
    return AddedAnswers(labels, embeddings, tuple(text for each in said for text in each.texts))
