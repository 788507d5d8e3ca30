"""The agents that there are, one a modality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from models.card import Card
from models.card_registry import CARDS
from schemas.identity import Modality
from streams.analysis.agents import audio, context, frames, motion
from streams.analysis.agents.analysis import Agent


def checked_agents(agents: Iterable[Agent], cards: Mapping[str, Card]) -> dict[Modality, Agent]:
    """Index agents by modality.

    Raises:
        ValueError: two agents share a modality, or one uses a model without a card of its modality.
    """
    registry: dict[Modality, Agent] = {}
    for agent in agents:
        if agent.modality in registry:
            raise ValueError(f"two agents are of modality {agent.modality!r}; each has one")
        for model in agent.models:
            if model not in cards or cards[model].modality != agent.modality:
                raise ValueError(f"agent {agent.modality!r} uses {model!r}, of which no card of that modality exists")
        registry[agent.modality] = agent
    return registry


AGENTS: Final[dict[Modality, Agent]] = checked_agents(
    (
        Agent(
            modality="frames",
            analyse=frames.analyse,
            models=(frames.CLASSIFIER.name, frames.NUDITY.name),
            code_version=3,
        ),
        Agent(
            modality="audio",
            analyse=audio.analyse,
            models=(audio.SOUNDS.name, audio.VOICES.name),
            code_version=3,
        ),
        Agent(modality="motion", analyse=motion.analyse, models=(), code_version=3),
        Agent(
            modality="context",
            analyse=context.analyse,
            models=(
                context.TOXICITY.name,
                context.PROFANITY.name,
                context.LANGUAGE.name,
                context.MEANING.name,
            ),
            code_version=4,
            needs_media=False,
        ),
    ),
    CARDS,
)
"""In the order in which documents list the modalities."""
